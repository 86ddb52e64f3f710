package tokenizer

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"

	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// A namespace is the one value that a template may change, as in Jinja.
type namespace map[string]any

// newNamespace is the function of that name.
func newNamespace(_ *exec.Evaluator, params *exec.VarArgs) namespace {
	n := namespace{}
	for name, value := range params.KwArgs {
		n[name] = value
	}
	return n
}

// A setStatement is {% set target = value %}, or {% set target %} body {% endset %}. It takes the place of the
// library's, which changes any mapping, and lets a value hold itself: to write that out would fill the stack.
type setStatement struct {
	location                *tokens.Token
	target                  nodes.Expression
	value, condition, other nodes.Expression
	body                    *nodes.Wrapper // nil: there is a value
}

func (s *setStatement) Position() *tokens.Token { return s.location }

func (s *setStatement) String() string {
	return fmt.Sprintf("set, line %d", s.location.Line)
}

// parseSet reads what follows the word.
func parseSet(p, args *parser.Parser) (nodes.ControlStructure, error) {
	s := &setStatement{location: p.Current()}
	var err error
	if s.target, err = args.ParseVariableOrLiteral(); err != nil {
		return nil, err
	}
	switch s.target.(type) {
	case *nodes.Name, *nodes.GetAttribute:
	default:
		return nil, fmt.Errorf("set: neither a name nor an attribute of a namespace: %s", s.target)
	}
	if args.Match(tokens.Assign) == nil {
		s.body, args, err = p.WrapUntil("endset")
	} else if s.value, err = args.ParseExpression(); err == nil {
		s.condition, s.other, err = args.ParseCondition()
	}
	switch {
	case err != nil:
		return nil, err
	case s.condition != nil && s.other == nil:
		return nil, errors.New("set: an if without an else")
	case !args.End():
		return nil, errors.New("set: more than a value")
	}
	return s, nil
}

// Execute computes the value and gives it its place.
func (s *setStatement) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	value, err := s.evaluate(r)
	switch {
	case err != nil:
		return err
	case value.IsError():
		return value
	}
	target, ok := s.target.(*nodes.GetAttribute)
	if !ok {
		r.Environment.Context.Set(s.target.(*nodes.Name).Name.Val, value.Interface())
		return nil
	}
	in, ok := r.Eval(target.Node).Interface().(namespace)
	switch {
	case !ok:
		return fmt.Errorf("set: %s is an attribute of what is no namespace", target.Attribute)
	case holds(value.Val, in, map[uintptr]bool{}):
		return fmt.Errorf("set: %s would hold itself", target.Attribute)
	}
	in[target.Attribute] = value.Interface()
	return nil
}

func (s *setStatement) evaluate(r *exec.Renderer) (*exec.Value, error) {
	if s.body != nil {
		var text bytes.Buffer
		inner := r.Inherit()
		inner.Output = &text
		err := inner.ExecuteWrapper(s.body)
		return exec.AsSafeValue(text.String()), err
	}
	if s.condition != nil {
		switch condition := r.Eval(s.condition); {
		case condition.IsError():
			return condition, nil
		case !condition.IsTrue():
			return r.Eval(s.other), nil
		}
	}
	return r.Eval(s.value), nil
}

// holds reports whether a value is a namespace or has it somewhere in it: lists and mappings of the library are structs.
func holds(v reflect.Value, n namespace, seen map[uintptr]bool) bool {
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Map {
		if v.Pointer() == reflect.ValueOf(n).Pointer() {
			return true
		}
		if seen[v.Pointer()] {
			return false
		}
		seen[v.Pointer()] = true
	}
	switch v.Kind() {
	case reflect.Pointer:
		if x, ok := v.Interface().(*exec.Value); ok && x != nil {
			return holds(x.Val, n, seen)
		}
		return holds(v.Elem(), n, seen)
	case reflect.Interface:
		return holds(v.Elem(), n, seen)
	case reflect.Map, reflect.Slice:
		for _, x := range v.Seq2() {
			if holds(x, n, seen) {
				return true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && holds(v.Field(i), n, seen) {
				return true
			}
		}
	}
	return false
}
