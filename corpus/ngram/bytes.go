package ngram

import "math"

// Bytes is a model of the next byte from the two before it (order 2 as
// compressors count: two bytes of context), smoothed by Witten and Bell's
// method C (1991, IEEE Trans. Inf. Theory 37): a context gives its shorter one
// as much weight as it has seen different bytes. Safe for concurrent use.
type Bytes struct {
	none row
	one  [256]row
	two  [1 << 16]*row // nil where the two bytes never occurred
}

// row counts what followed a context.
type row struct {
	count       [256]uint32
	total, kind uint32 // sum of counts; how many are not zero
}

func (r *row) add(b byte) {
	if r.count[b] == 0 {
		r.kind++
	}
	r.count[b]++
	r.total++
}

// mix is the probability of b given the shorter context's p.
func (r *row) mix(b byte, p float64) float64 {
	if r == nil || r.total == 0 {
		return p
	}
	return (float64(r.count[b]) + float64(r.kind)*p) / float64(r.total+r.kind)
}

// TrainBytes counts the bytes of the texts. The first bytes of a text are
// counted under the context they have.
func TrainBytes(texts ...string) *Bytes {
	m := new(Bytes)
	for _, text := range texts {
		for i := range len(text) {
			m.none.add(text[i])
			if i > 0 {
				m.one[text[i-1]].add(text[i])
			}
			if i > 1 {
				m.pair(text[i-2], text[i-1]).add(text[i])
			}
		}
	}
	return m
}

func (m *Bytes) pair(a, b byte) *row {
	r := &m.two[int(a)<<8|int(b)]
	if *r == nil {
		*r = new(row)
	}
	return *r
}

// P is the probability of b after the text before it, of which the last two
// bytes matter.
func (m *Bytes) P(before string, b byte) float64 {
	p, n := m.none.mix(b, 1./256), len(before)
	if n > 0 {
		p = m.one[before[n-1]].mix(b, p)
	}
	if n > 1 {
		p = m.two[int(before[n-2])<<8|int(before[n-1])].mix(b, p)
	}
	return p
}

// Bits is what the model needs to code the text, -Σ log₂ P.
func (m *Bytes) Bits(text string) (bits float64) {
	for i := range len(text) {
		bits -= math.Log2(m.P(text[:i], text[i]))
	}
	return bits
}
