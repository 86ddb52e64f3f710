package tokenizer

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/nikolalohinski/gonja/v2/builtins"
	structures "github.com/nikolalohinski/gonja/v2/builtins/control_structures"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
)

// A template comes from strangers, and a full stack, which is an error in Python, ends a program in
// Go. So nothing in it is deeper than any template needs: brackets, conditions, statements, macros that call
// each other, and values.

// mostDeep is how deep each of these may be. Operators side by side are as deep as they are many, and again in each
// macro under way: their block's words and signs bound them. Published templates have 30,000 bytes at most.
const (
	mostDeep        = 100
	mostWords       = 5000
	longestTemplate = 1 << 20
)

// tooDeep is the panic, which ParseTemplate makes an error of.
var tooDeep = fmt.Sprintf("brackets, conditions or statements are nested more than %d deep", mostDeep)

func checkDepth(depth int) {
	if depth > mostDeep {
		panic(tooDeep)
	}
}

// callsKey is the variable that counts the macros under way.
const callsKey = "__inkstone_calls__"

// statements are the library's without those that ask for another template, which there is none of.
const statements = `autoescape break call continue do filter for if macro raw trans with`

// boundedStatements are the statements of one template.
func boundedStatements() *exec.ControlStructureSet {
	depth, bounded := 0, map[string]parser.ControlStructureParser{}
	for name := range strings.FieldsSeq(statements) {
		parse, ok := builtins.ControlStructures.Get(name)
		if !ok {
			panic("the library has lost its statement " + name)
		}
		bounded[name] = func(p, args *parser.Parser) (nodes.ControlStructure, error) {
			depth++
			defer func() { depth-- }()
			checkDepth(depth)
			s, err := parse(p, args)
			switch s := s.(type) {
			case *structures.MacroControlStructure:
				return boundedMacro{s}, err
			case *structures.CallControlStructure:
				body := *s.Body
				s.Body.Nodes = []nodes.Node{&nodes.ControlStructureBlock{ControlStructure: boundedBody{s, &body}}}
			case *structures.ForControlStructure:
				if s.Recursive {
					return nil, errors.New("a loop that is recursive is not supported")
				}
			}
			return s, err
		}
	}
	bounded["set"] = parseSet
	return exec.NewControlStructureSet(bounded)
}

// depths are those at which mappings and lists were met: what is met again no deeper is not looked at again.
type depths map[extent]int

// An extent is where a mapping or a list lies. One list may be the beginning of another.
type extent struct {
	at  uintptr
	len int
}

// tooDeep tells whether a value that is so deep has parts deeper than they may be.
func (d depths) tooDeep(v any, depth int) bool {
	switch x := v.(type) {
	case *exec.Value:
		return x != nil && d.tooDeep(x.Interface(), depth)
	case *exec.Dict:
		v = x.Pairs
	case *exec.Pair:
		return d.tooDeep(x.Value, depth)
	}
	r := reflect.ValueOf(v)
	if kind := r.Kind(); kind != reflect.Map && kind != reflect.Slice {
		return false
	}
	here := extent{r.Pointer(), r.Len()}
	if before, met := d[here]; met && before >= depth {
		return false
	}
	if d[here] = depth; depth > mostDeep {
		return true
	}
	for _, part := range r.Seq2() {
		if d.tooDeep(part.Interface(), depth+1) {
			return true
		}
	}
	return false
}

// A boundedMacro is one whose calls are counted.
type boundedMacro struct {
	*structures.MacroControlStructure
}

// Execute defines the macro.
func (m boundedMacro) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	macro, err := exec.MacroNodeToFunc(m.Macro, r)
	if err != nil {
		return err
	}
	calls, err := callsOf(r)
	if err != nil {
		return err
	}
	r.Environment.Context.Set(m.Name, exec.Macro(func(params *exec.VarArgs) *exec.Value {
		calls.enter()
		defer calls.leave()
		return macro(params)
	}))
	return nil
}

// A boundedBody is what a macro calls as caller(). It may call itself, where the macro puts it into a namespace.
type boundedBody struct {
	*structures.CallControlStructure
	body *nodes.Wrapper
}

// Execute writes the body.
func (b boundedBody) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	calls, err := callsOf(r)
	if err != nil {
		return err
	}
	calls.enter()
	defer calls.leave()
	return r.ExecuteWrapper(b.body)
}

// A callCount is the number of macros, and bodies of their calls, under way.
type callCount int

// callsOf is the count of a text.
func callsOf(r *exec.Renderer) (*callCount, error) {
	count, _ := r.Environment.Context.Get(callsKey)
	if calls, ok := count.(*callCount); ok {
		return calls, nil
	}
	return nil, errors.New(callsKey + " is not a template's to set")
}

// enter panics where there are too many: an error would be written out again, with the text around it, by each macro
// and operator that it passes.
func (c *callCount) enter() {
	if *c++; *c > mostDeep {
		panic(fmt.Sprintf("macros call each other more than %d deep", mostDeep))
	}
}

func (c *callCount) leave() { *c-- }
