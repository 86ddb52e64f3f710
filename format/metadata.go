package format

import (
	"fmt"
	"math"
	"reflect"
)

// Metadata are the keys of a GGUF file. A value is a uint8, int8, uint16, int16, uint32,
// int32, uint64, int64, float32, float64, bool or string, or a slice of one of these.
//
// [Metadata.Keys] reads them with their types checked.
type Metadata map[string]any

// Keys reads keys that begin with prefix, as "llama." does. The first error, a key that is
// absent or of another type, is kept and returned by Err; what is read after it is zero.
func (m Metadata) Keys(prefix string) *Keys { return &Keys{meta: m, prefix: prefix} }

// Keys is a reader of [Metadata] that keeps the first error. Writers disagree on the width
// and the sign of a number, so that any integer type that holds it will do.
type Keys struct {
	meta   Metadata
	prefix string
	err    error
}

// Err returns the first error of the reads so far. It names the key and the types.
func (k *Keys) Err() error { return k.err }

// Has reports whether the key is there.
func (k *Keys) Has(key string) bool { return k.meta[k.prefix+key] != nil }

// Int reads an integer.
func (k *Keys) Int(key string) int {
	v := reflect.ValueOf(k.value(key))
	switch {
	case !v.IsValid():
		return 0
	case v.CanInt() && int64(int(v.Int())) == v.Int():
		return int(v.Int())
	case v.CanUint() && v.Uint() <= math.MaxInt:
		return int(v.Uint())
	}
	k.mismatch(key, "an integer")
	return 0
}

// IntOr is [Keys.Int], or absent where the key is not there.
func (k *Keys) IntOr(key string, absent int) int { return or(k, key, k.Int, absent) }

// Float reads a floating-point number.
func (k *Keys) Float(key string) float64 {
	switch v := k.value(key).(type) {
	case float32:
		return float64(v)
	case float64:
		return v
	}
	k.mismatch(key, "a floating-point number")
	return 0
}

// FloatOr is [Keys.Float], or absent where the key is not there.
func (k *Keys) FloatOr(key string, absent float64) float64 { return or(k, key, k.Float, absent) }

// Bool reads a truth value.
func (k *Keys) Bool(key string) bool { return typed[bool](k, key, "true or false") }

// BoolOr is [Keys.Bool], or absent where the key is not there.
func (k *Keys) BoolOr(key string, absent bool) bool { return or(k, key, k.Bool, absent) }

// String reads a text.
func (k *Keys) String(key string) string { return typed[string](k, key, "a string") }

// StringOr is [Keys.String], or absent where the key is not there.
func (k *Keys) StringOr(key, absent string) string { return or(k, key, k.String, absent) }

// Strings reads a list of texts. The caller must not write to it.
func (k *Keys) Strings(key string) []string { return typed[[]string](k, key, "a list of strings") }

// Ints reads a list of integers.
func (k *Keys) Ints(key string) []int {
	v := reflect.ValueOf(k.value(key))
	if !v.IsValid() {
		return nil
	}
	if v.Kind() != reflect.Slice || !v.Type().Elem().ConvertibleTo(reflect.TypeFor[int]()) || v.Type().Elem().Kind() >= reflect.Float32 {
		k.mismatch(key, "a list of integers")
		return nil
	}
	x := make([]int, v.Len())
	for i := range x {
		x[i] = int(v.Index(i).Convert(reflect.TypeFor[int]()).Int())
	}
	return x
}

// IntOfEach reads an integer that holds for each of n layers: one for all, or a list of n that
// are the same.
func (k *Keys) IntOfEach(key string, n int) int {
	if !k.IsList(key) {
		return k.Int(key)
	}
	each := k.Ints(key)
	if k.err != nil {
		return 0
	}
	if len(each) != n || n == 0 {
		k.err = fmt.Errorf("metadata %s%s has %d numbers for %d layers", k.prefix, key, len(each), n)
		return 0
	}
	for i, x := range each {
		if x != each[0] {
			k.err = fmt.Errorf("metadata %s%s is %d for layer 0 and %d for layer %d: all layers are alike here", k.prefix, key, each[0], x, i)
			return 0
		}
	}
	return each[0]
}

// IntOfEachOr is [Keys.IntOfEach], or absent where the key is not there.
func (k *Keys) IntOfEachOr(key string, n, absent int) int {
	return or(k, key, func(key string) int { return k.IntOfEach(key, n) }, absent)
}

// IsList reports whether the key is there and a list.
func (k *Keys) IsList(key string) bool {
	v := k.meta[k.prefix+key]
	return v != nil && reflect.TypeOf(v).Kind() == reflect.Slice
}

// Bools reads a list of truth values. The caller must not write to it.
func (k *Keys) Bools(key string) []bool { return typed[[]bool](k, key, "a list of truth values") }

// Floats reads a list of float32. The caller must not write to it.
func (k *Keys) Floats(key string) []float32 {
	return typed[[]float32](k, key, "a list of 32-bit floating-point numbers")
}

func typed[T any](k *Keys, key, want string) T {
	v, ok := k.value(key).(T)
	if !ok {
		k.mismatch(key, want)
	}
	return v
}

func or[T any](k *Keys, key string, read func(string) T, absent T) T {
	if !k.Has(key) {
		return absent
	}
	return read(key)
}

// value is the key's value; an absent key becomes the error.
func (k *Keys) value(key string) any {
	v := k.meta[k.prefix+key]
	if v == nil && k.err == nil {
		k.err = fmt.Errorf("metadata has no %s%s", k.prefix, key)
	}
	return v
}

func (k *Keys) mismatch(key, want string) {
	if v := k.meta[k.prefix+key]; v != nil && k.err == nil {
		k.err = fmt.Errorf("metadata %s%s is %s, want %s", k.prefix, key, short(v), want)
	}
}

// short is a value with its type, cut for an error.
func short(v any) string {
	if s := reflect.ValueOf(v); s.Kind() == reflect.Slice {
		return fmt.Sprintf("%d numbers or texts (%T)", s.Len(), v)
	}
	text := fmt.Sprint(v)
	if len(text) > 40 {
		text = text[:40] + "…"
	}
	return fmt.Sprintf("%q (%T)", text, v)
}
