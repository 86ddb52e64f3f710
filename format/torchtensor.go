package format

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// check sees that the view stays within its storage.
func (t *torchTensor) check() error {
	if len(t.shape) != len(t.stride) {
		return fmt.Errorf("shape %v has %d dimensions, the strides %v %d", t.shape, len(t.shape), t.stride, len(t.stride))
	}
	n, ok := product(t.shape, 1)
	has := t.storage.bytes() / t.dtype.Size()
	switch {
	case !ok:
		return fmt.Errorf("shape %v overflows", t.shape)
	case n == 0:
		return nil
	}
	last := t.offset
	for i, d := range t.shape {
		step, ok := product([]int{d - 1, t.stride[i]}, 1)
		if !ok || last > has || step > has {
			last = has
			break
		}
		last += step
	}
	if last >= has {
		return fmt.Errorf("offset %d, shape %v and strides %v lead out of a storage of %d elements", t.offset, t.shape, t.stride, has)
	}
	return nil
}

// checkRepeats sees that the tensors which have more elements than their storages, as expand makes
// them, are no larger than the file all together.
func checkRepeats(tensors map[string]*torchTensor, file int) error {
	for _, name := range sortedKeys(tensors) {
		t := tensors[name]
		n, ok := product(t.shape, t.dtype.Size())
		if ok && n <= t.storage.bytes() {
			continue
		}
		if file -= n; !ok || file < 0 {
			elements, _ := product(t.shape, 1)
			return fmt.Errorf("tensor %q has %d elements, its storage %d: what repeats elements is read in proportion to the file; save tensor.contiguous()", name, elements, t.storage.bytes()/t.dtype.Size())
		}
	}
	return nil
}

// contiguous says that the elements lie in row-major order. The stride of a
// dimension of one element means nothing.
func (t *torchTensor) contiguous() bool {
	want := 1
	for i := len(t.shape) - 1; i >= 0; i-- {
		if t.shape[i] == 0 {
			return true
		}
		if t.shape[i] != 1 && t.stride[i] != want {
			return false
		}
		want *= t.shape[i]
	}
	return true
}

// gather copies the elements in row-major order.
func gather(t *torchTensor) []byte {
	size := t.dtype.Size()
	n, _ := product(t.shape, 1)
	out := alignedBytes(n * size)
	index, at := make([]int, len(t.shape)), t.offset
	for i := range n {
		copy(out[i*size:][:size], t.storage.data[at*size:])
		for d := len(index) - 1; d >= 0; d-- { // the next index
			index[d]++
			at += t.stride[d]
			if index[d] < t.shape[d] {
				break
			}
			at -= index[d] * t.stride[d]
			index[d] = 0
		}
	}
	return out
}

// maxDepth bounds containers in containers.
const maxDepth = 64

// tensorsOf names the tensors of a value, and its dictionaries. size is the length of its pickle: a
// container that is in many others is named by each, and what that takes must
// be in proportion.
func tensorsOf(root any, size int) (tensors map[string]*torchTensor, dicts map[string]bool, err error) {
	w := &torchWalk{tensors: map[string]*torchTensor{}, dicts: map[string]bool{}, budget: 64<<10 + 16*size}
	if t, ok := root.(*torchTensor); ok {
		w.tensors["tensor"] = t
		return w.tensors, nil, nil
	}
	if err := w.walk(root); err != nil {
		return nil, nil, err
	}
	if len(w.tensors) == 0 {
		return nil, nil, fmt.Errorf("has no tensors: it is %s", kindOf(root))
	}
	return w.tensors, w.dicts, nil
}

type torchWalk struct {
	tensors map[string]*torchTensor
	dicts   map[string]bool
	path    []string
	budget  int // of steps and of bytes of names
}

var errShared = errors.New("its containers hold each other too often")

func (w *torchWalk) walk(v any) error {
	if w.budget--; w.budget < 0 {
		return errShared
	}
	switch x := v.(type) {
	case *torchTensor:
		return w.add(x)
	case *pyDict:
		name, err := w.name()
		if err != nil {
			return err
		}
		w.dicts[name] = true
		for i, key := range x.keys {
			if err := w.into(key, x.values[i]); err != nil {
				return err
			}
		}
	case *pyList:
		return w.each(x.items)
	case pyTuple:
		return w.each(x)
	}
	return nil
}

func (w *torchWalk) each(items []any) error {
	for i, item := range items {
		if err := w.into(int64(i), item); err != nil {
			return err
		}
	}
	return nil
}

// into walks one step further, by a key or an index.
func (w *torchWalk) into(key, value any) error {
	if len(w.path) == maxDepth {
		return fmt.Errorf("containers are nested more than %d deep", maxDepth)
	}
	name := ""
	switch k := key.(type) {
	case string:
		name = k
	case int64:
		name = strconv.FormatInt(k, 10)
	default:
		name = kindOf(key)
	}
	w.path = append(w.path, name)
	err := w.walk(value)
	w.path = w.path[:len(w.path)-1]
	return err
}

// name is the way that was walked.
func (w *torchWalk) name() (string, error) {
	for _, part := range w.path {
		w.budget -= len(part)
	}
	if w.budget < 0 {
		return "", errShared
	}
	return strings.Join(w.path, "."), nil
}

func (w *torchWalk) add(t *torchTensor) error {
	name, err := w.name()
	if err != nil {
		return err
	}
	if _, ok := w.tensors[name]; ok {
		return fmt.Errorf("tensor %q is there twice", name)
	}
	w.tensors[name] = t
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
