package world_test

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"regexp"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus/world"
)

// meaning is what each specification says, independent of the code that the
// world writes for it.
var meaning = map[string]func(x, y float64) any{
	"the sum of X and Y":          func(x, y float64) any { return x + y },
	"the difference of X and Y":   func(x, y float64) any { return x - y },
	"the product of X and Y":      func(x, y float64) any { return x * y },
	"the quotient of X and Y":     func(x, y float64) any { return x / y },
	"the larger of X and Y":       func(x, y float64) any { return max(x, y) },
	"the smaller of X and Y":      func(x, y float64) any { return min(x, y) },
	"whether X is less than Y":    func(x, y float64) any { return x < y },
	"whether X is greater than Y": func(x, y float64) any { return x > y },
	"whether X equals Y":          func(x, y float64) any { return x == y },
	"twice X":                     func(x, _ float64) any { return x + x },
	"the square of X":             func(x, _ float64) any { return x * x },
	"the negative of X":           func(x, _ float64) any { return -x },
	"one more than X":             func(x, _ float64) any { return x + 1 },
}

var specification = regexp.MustCompile(`^Go: (\w+) returns (.+), type (\w+)\.$`)

// TestGo parses, formats, type-checks and evaluates the functions of many
// items, and compares name, type and values with the specification.
func TestGo(t *testing.T) {
	w, r := world.Config{Go: 1}.New(31), rng(31)
	items := w.HeldOut(world.Go, world.English, 500)
	for range 3000 {
		items = append(items, w.Dialogue(r))
	}
	seen := map[string]bool{}
	for _, it := range items {
		if op := checkGo(t, it); op != "" {
			seen[op] = true
		}
		if t.Failed() {
			return
		}
	}
	if len(seen) != len(meaning) {
		t.Errorf("saw %d operations, want %d", len(seen), len(meaning))
	}
}

func checkGo(t *testing.T, it world.Item) (operation string) {
	spec := specification.FindStringSubmatch(it.Messages[0].Content)
	if spec == nil {
		t.Errorf("specification %q", it.Messages[0].Content)
		return ""
	}
	source := "package p\n\n" + it.Answer() + "\n"
	if formatted, err := format.Source([]byte(source)); err != nil || string(formatted) != source {
		t.Errorf("gofmt: %v\n%s", err, source)
		return ""
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "p.go", source, 0)
	if err != nil {
		t.Error(err)
		return ""
	}
	if _, err := new(types.Config).Check("p", set, []*ast.File{file}, nil); err != nil {
		t.Errorf("%v in %s", err, source)
		return ""
	}
	f := file.Decls[0].(*ast.FuncDecl)
	in := f.Type.Params.List[0]
	if f.Name.Name != spec[1] || in.Type.(*ast.Ident).Name != spec[3] {
		t.Errorf("%q asked for, got %s", spec[0], source)
	}
	operation = regexp.MustCompile(`\b`+in.Names[0].Name+`\b`).ReplaceAllString(spec[2], "X")
	if len(in.Names) == 2 {
		operation = regexp.MustCompile(`\b`+in.Names[1].Name+`\b`).ReplaceAllString(operation, "Y")
	}
	want, ok := meaning[operation]
	if !ok {
		t.Errorf("unknown operation %q in %q", operation, spec[0])
		return ""
	}
	body := f.Body.List[0].(*ast.ReturnStmt).Results[0]
	for _, v := range [][2]float64{{3, 5}, {7, 2}, {4, 4}} {
		names := map[string]any{in.Names[0].Name: v[0]}
		if len(in.Names) == 2 {
			names[in.Names[1].Name] = v[1]
		}
		if got := evaluate(body, names); got != want(v[0], v[1]) {
			t.Errorf("%s\nat %v gives %v, %q means %v", source, v, got, spec[2], want(v[0], v[1]))
		}
	}
	return operation
}

// evaluate computes the small expressions that occur.
func evaluate(e ast.Expr, names map[string]any) any {
	switch e := e.(type) {
	case *ast.Ident:
		return names[e.Name]
	case *ast.BasicLit:
		var x float64
		fmt.Sscan(e.Value, &x)
		return x
	case *ast.UnaryExpr:
		return -evaluate(e.X, names).(float64)
	case *ast.CallExpr:
		x, y := evaluate(e.Args[0], names).(float64), evaluate(e.Args[1], names).(float64)
		if e.Fun.(*ast.Ident).Name == "max" {
			return max(x, y)
		}
		return min(x, y)
	}
	b := e.(*ast.BinaryExpr)
	x, y := evaluate(b.X, names).(float64), evaluate(b.Y, names).(float64)
	switch b.Op {
	case token.ADD:
		return x + y
	case token.SUB:
		return x - y
	case token.MUL:
		return x * y
	case token.QUO:
		return x / y
	case token.LSS:
		return x < y
	case token.GTR:
		return x > y
	case token.EQL:
		return x == y
	}
	return nil
}
