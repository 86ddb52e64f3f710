package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// filterJSON is tojson as transformers has it, Python's json.dumps with
// ensure_ascii=False: a blank after each comma and colon, nothing escaped for
// HTML. Keys are sorted, since a Go map does not remember an order.
func filterJSON(_ *exec.Evaluator, in *exec.Value, params *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(plain(in)); err != nil {
		return exec.AsValue(fmt.Errorf("tojson: %w", err))
	}
	compact := strings.TrimSuffix(b.String(), "\n")
	indent := params.GetKeywordArgument("indent", nil)
	if indent.IsNil() {
		return exec.AsSafeValue(loosen(compact))
	}
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(compact), "", strings.Repeat(" ", min(max(indent.Integer(), 0), 16))); err != nil {
		return exec.AsValue(fmt.Errorf("tojson: %w", err))
	}
	return exec.AsSafeValue(out.String())
}

// plain turns the library's values into those that encoding/json writes.
func plain(v any) any {
	switch v := v.(type) {
	case *exec.Value:
		return plain(v.Interface())
	case *exec.Dict:
		return plain(*v)
	case exec.Dict:
		m := map[string]any{}
		for _, pair := range v.Pairs {
			m[pair.Key.String()] = plain(pair.Value)
		}
		return m
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Map:
		m := make(map[string]any, r.Len())
		for key, value := range r.Seq2() {
			m[fmt.Sprint(plain(key.Interface()))] = plain(value.Interface())
		}
		return m
	case reflect.Slice, reflect.Array:
		list := make([]any, r.Len())
		for i := range list {
			list[i] = plain(r.Index(i).Interface())
		}
		return list
	}
	return v
}

// loosen puts a blank after each comma and colon outside of strings.
func loosen(compact string) string {
	var b strings.Builder
	inString, escaped := false, false
	for i := range len(compact) {
		c := compact[i]
		b.WriteByte(c)
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			inString = !inString
		case !inString && (c == ',' || c == ':'):
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// filterDictSort lists a map's pairs by their keys, without regard to case.
// The library's own gives pairs that a loop cannot take apart.
func filterDictSort(_ *exec.Evaluator, in *exec.Value, params *exec.VarArgs) *exec.Value {
	m, ok := plain(in).(map[string]any)
	switch {
	case in.IsError():
		return in
	case !ok:
		return exec.AsValue(fmt.Errorf("dictsort: %T is not a mapping", in.Interface()))
	case len(params.Args)+len(params.KwArgs) > 0:
		return exec.AsValue(errors.New("dictsort: arguments are not supported"))
	}
	pairs := []any{}
	for _, key := range slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return strings.Compare(strings.ToLower(a), strings.ToLower(b))
	}) {
		pairs = append(pairs, []any{key, m[key]})
	}
	return exec.AsValue(pairs)
}
