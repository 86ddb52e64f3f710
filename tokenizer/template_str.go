package tokenizer

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/exec"
)

// A method is one of Python's methods of strings.
type method = exec.Method[string]

// stringMethods are the library's that do as Python's do, and for others our own.
func stringMethods() *exec.MethodSet[string] {
	methods := map[string]method{
		"strip": strip(true, true), "lstrip": strip(true, false), "rstrip": strip(false, true),
		"split": splitMethod(false), "rsplit": splitMethod(true),
		"startswith": affix(strings.HasPrefix), "endswith": affix(strings.HasSuffix),
		"find": place(strings.Index), "rfind": place(strings.LastIndex),
		"count": countMethod, "replace": replaceMethod,
	}
	for name := range strings.FieldsSeq(kept) {
		if m, ok := builtins.Methods.Str.Get(name); ok {
			methods[name] = m
		}
	}
	return exec.NewMethodSet(methods)
}

// kept are the methods that the library has right.
const kept = `capitalize casefold format format_map isalnum isalpha isascii isdecimal isdigit islower isnumeric
	isspace istitle isupper join lower partition removeprefix removesuffix rpartition splitlines swapcase title upper`

// readOnly are the methods of mappings but those that change them, which transformers forbids:
// the library's would change a copy.
func readOnly() *exec.MethodSet[map[string]any] {
	methods := map[string]exec.Method[map[string]any]{}
	for _, name := range []string{"copy", "get", "items", "keys", "values"} {
		if m, ok := builtins.Methods.Dict.Get(name); ok {
			methods[name] = m
		}
	}
	return exec.NewMethodSet(methods)
}

// parameters returns the arguments in the order of their names, nil for None
// and for those that are not given.
func parameters(args *exec.VarArgs, names ...string) ([]*exec.Value, error) {
	if len(args.Args) > len(names) {
		return nil, errors.New("more arguments than the method has")
	}
	values := make([]*exec.Value, len(names))
	copy(values, args.Args)
	for name, value := range args.KwArgs {
		i := slices.Index(names, name)
		if i < 0 || i < len(args.Args) {
			return nil, errors.New("the method has no argument " + name)
		}
		values[i] = value
	}
	for i, v := range values {
		if v != nil && v.IsNil() {
			values[i] = nil
		}
	}
	return values, nil
}

// pythonSpace is Python's white space.
func pythonSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1C && r <= 0x1F }

// strip takes white space, or the characters that are given, off the ends.
func strip(left, right bool) method {
	return func(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
		p, err := parameters(args, "chars")
		if err != nil {
			return nil, err
		}
		drops := pythonSpace
		if p[0] != nil {
			set := p[0].String()
			drops = func(r rune) bool { return strings.ContainsRune(set, r) }
		}
		if left {
			self = strings.TrimLeftFunc(self, drops)
		}
		if right {
			self = strings.TrimRightFunc(self, drops)
		}
		return self, nil
	}
}

// splitMethod cuts at a separator, or at white space, so many times, from the
// left or from the right.
func splitMethod(right bool) method {
	return func(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
		p, err := parameters(args, "sep", "maxsplit")
		if err != nil {
			return nil, err
		}
		most := -1
		if p[1] != nil {
			most = p[1].Integer()
		}
		cut, trim := cutBlank(right), trimBlank(right)
		if p[0] != nil {
			if p[0].String() == "" {
				return nil, errors.New("empty separator")
			}
			cut, trim = cutAt(p[0].String(), right), func(s string) string { return s }
		}
		parts := []string{}
		part, rest, ok := "", trim(self), true
		for ; ok && most != 0; most-- {
			if part, rest, ok = cut(rest); ok {
				parts, rest = append(parts, part), trim(rest)
			}
		}
		if rest != "" || p[0] != nil {
			parts = append(parts, rest)
		}
		if right {
			slices.Reverse(parts)
		}
		return parts, nil
	}
}

// cutAt cuts the first part off a text, or from the right the last, if there
// is a separator; otherwise all is rest.
func cutAt(sep string, right bool) func(string) (part, rest string, ok bool) {
	return func(s string) (string, string, bool) {
		at := strings.Index(s, sep)
		if right {
			at = strings.LastIndex(s, sep)
		}
		switch {
		case at < 0:
			return "", s, false
		case right:
			return s[at+len(sep):], s[:at], true
		}
		return s[:at], s[at+len(sep):], true
	}
}

// cutBlank is cutAt for white space, which is one separator however long it is.
func cutBlank(right bool) func(string) (part, rest string, ok bool) {
	return func(s string) (string, string, bool) {
		at := strings.IndexFunc(s, pythonSpace)
		if right {
			at = strings.LastIndexFunc(s, pythonSpace)
		}
		if at < 0 {
			return "", s, false
		}
		_, width := utf8.DecodeRuneInString(s[at:])
		if right {
			return s[at+width:], s[:at], true
		}
		return s[:at], s[at+width:], true
	}
}

// trimBlank takes away the white space at the side that is cut from.
func trimBlank(right bool) func(string) string {
	if right {
		return func(s string) string { return strings.TrimRightFunc(s, pythonSpace) }
	}
	return func(s string) string { return strings.TrimLeftFunc(s, pythonSpace) }
}

// affix tells whether a string begins or ends with another, or one of several.
func affix(has func(s, affix string) bool) method {
	return func(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
		p, err := parameters(args, "affix")
		if err != nil || p[0] == nil {
			return nil, lacking(err)
		}
		if !p[0].IsList() {
			return has(self, p[0].String()), nil
		}
		for i := range p[0].Len() {
			if has(self, p[0].Index(i).String()) {
				return true, nil
			}
		}
		return false, nil
	}
}

// place returns the place of a part, counted in characters, or -1.
func place(index func(s, part string) int) method {
	return func(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
		p, err := parameters(args, "sub")
		if err != nil || p[0] == nil {
			return nil, lacking(err)
		}
		at := index(self, p[0].String())
		if at < 0 {
			return -1, nil
		}
		return utf8.RuneCountInString(self[:at]), nil
	}
}

func countMethod(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
	p, err := parameters(args, "sub")
	if err != nil || p[0] == nil {
		return nil, lacking(err)
	}
	return strings.Count(self, p[0].String()), nil
}

func replaceMethod(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
	p, err := parameters(args, "old", "new", "count")
	if err != nil || p[0] == nil || p[1] == nil {
		return nil, lacking(err)
	}
	most := -1
	if p[2] != nil {
		most = p[2].Integer()
	}
	return strings.Replace(self, p[0].String(), p[1].String(), most), nil
}

// lacking is the error, or that an argument lacks.
func lacking(err error) error {
	if err != nil {
		return err
	}
	return errors.New("an argument lacks")
}
