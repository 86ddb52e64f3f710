package train

import "github.com/inkstone-ai/inkstone/tensor"

// buffers are what a step's arena holds: how many of each size in bytes.
type buffers map[int]int

// add is n more results of so many floats.
func (b buffers) add(n, floats int64) {
	if n > 0 && floats > 0 {
		b[tensor.BufferBytes(int(4*floats))] += int(n)
	}
}

// join makes b serve for what o serves for, one after the other.
func (b buffers) join(o buffers) {
	for size, n := range o {
		b[size] = max(b[size], n)
	}
}

// plus makes b hold o beside what it holds.
func (b buffers) plus(o buffers) {
	for size, n := range o {
		b[size] += n
	}
}

// bytes is the sum.
func (b buffers) bytes() (sum int64) {
	for size, n := range b {
		sum += int64(size) * int64(n)
	}
	return sum
}
