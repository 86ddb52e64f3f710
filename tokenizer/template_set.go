package tokenizer

import (
	"bytes"
	"errors"
	"fmt"

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
// library's, which changes any mapping, and lets a value hold itself.
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

// Execute computes the value and gives it its place, where it must not be too deep to be written: a namespace may become
// a part of itself.
func (s *setStatement) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	value, err := s.evaluate(r)
	switch {
	case err != nil:
		return err
	case value.IsError():
		return value
	}
	var changed any = value
	switch target := s.target.(type) {
	case *nodes.Name:
		r.Environment.Context.Set(target.Name.Val, value.Interface())
	case *nodes.GetAttribute:
		in, ok := r.Eval(target.Node).Interface().(namespace)
		if !ok {
			return fmt.Errorf("set: %s is an attribute of what is no namespace", target.Attribute)
		}
		in[target.Attribute] = value.Interface()
		changed = in
	}
	if (depths{}).tooDeep(changed, 0) {
		return fmt.Errorf("set: the value has parts more than %d deep", mostDeep)
	}
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
