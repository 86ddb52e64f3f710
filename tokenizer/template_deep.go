package tokenizer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nikolalohinski/gonja/v2/builtins"
	structures "github.com/nikolalohinski/gonja/v2/builtins/control_structures"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
)

// A template comes from strangers, and a full stack, which is an error in Python, ends a program in
// Go. So nothing in it is deeper than any template needs: brackets, conditions, statements, and
// macros that call each other.

// mostDeep is how deep each of these may be. Operators side by side are as deep as they are many: the
// length of the whole bounds them. Published templates have 30,000 bytes at most.
const (
	mostDeep        = 100
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
	count, _ := r.Environment.Context.Get(callsKey)
	calls, ok := count.(*int)
	if !ok {
		return errors.New(callsKey + " is not a template's to set")
	}
	r.Environment.Context.Set(m.Name, exec.Macro(func(params *exec.VarArgs) *exec.Value {
		*calls++
		defer func() { *calls-- }()
		if *calls > mostDeep {
			return exec.AsValue(fmt.Errorf("macros call each other more than %d deep", mostDeep))
		}
		return macro(params)
	}))
	return nil
}
