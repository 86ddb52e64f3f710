package cpu

import (
	"reflect"
	"slices"
	"testing"
)

// TestVersionsShare: versions that add one thing to the one before differ from it in nothing else,
// so the suite need not test all of their methods.
func TestVersionsShare(t *testing.T) {
	own := map[string][]string{
		"avxvnni":    {".name", ".dots"},
		"avx512vnni": {".name", ".dots", ".roof"},
		"avx512bf16": {".name", ".products.bf16", ".roof"},
		"amx":        {".name", ".dots", ".products.tiled", ".roof"},
	}
	list := versions()
	for i, v := range list {
		may, ok := own[v.name]
		if !ok {
			continue
		}
		if other := differences(reflect.ValueOf(list[i-1]), reflect.ValueOf(v), "", may); len(other) > 0 {
			t.Errorf("%s differs from %s in %v", v.name, list[i-1].name, other)
		}
	}
}

// differences are the fields below path in which a and b differ, but for those that may.
func differences(a, b reflect.Value, path string, may []string) (found []string) {
	switch {
	case slices.Contains(may, path):
	case a.Kind() == reflect.Struct:
		for i := range a.NumField() {
			found = append(found, differences(a.Field(i), b.Field(i), path+"."+a.Type().Field(i).Name, may)...)
		}
	case a.Kind() == reflect.Array:
		for i := range a.Len() {
			found = append(found, differences(a.Index(i), b.Index(i), path, may)...)
		}
	case a.Kind() == reflect.Func && a.Pointer() != b.Pointer(), a.Kind() != reflect.Func && !a.Equal(b):
		found = append(found, path)
	}
	return found
}
