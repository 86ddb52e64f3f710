package runs

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// A verdict is what the parser and the type checker say of one function.
type verdict struct {
	parses, checks bool
	reason         string // the first error
}

// A checker puts completed functions into their packages and type-checks them
// there. It imports packages of the standard library from their source, without
// function bodies.
type checker struct {
	files    *token.FileSet
	imported map[string]*types.Package
	compiled map[string]bool // files below src that are part of their packages on this machine
	root     string
}

func newChecker(ctx context.Context, root string) (*checker, error) {
	list := exec.CommandContext(ctx, "go", "list", "-f", `{{$p := .ImportPath}}{{range .GoFiles}}{{$p}}/{{.}}{{"\n"}}{{end}}`, "std")
	list.Dir = root
	list.Env = append(os.Environ(), "CGO_ENABLED=0") // files that need a C compiler are not part of their packages
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("quickstart: go list std: %w", err)
	}
	c := &checker{files: token.NewFileSet(), imported: map[string]*types.Package{}, compiled: map[string]bool{}, root: root}
	for name := range strings.Lines(string(out)) {
		c.compiled[strings.TrimSpace(name)] = true
	}
	return c, nil
}

// Import makes the checker a types.Importer. Errors inside of a package that is
// imported are not the function's.
func (c *checker) Import(name string) (*types.Package, error) {
	if name == "unsafe" {
		return types.Unsafe, nil
	}
	if p := c.imported[name]; p != nil {
		return p, nil
	}
	dir := name
	if _, err := os.Stat(filepath.Join(c.root, "src", filepath.FromSlash(name))); err != nil {
		dir = path.Join("vendor", name) // how the standard library has its own dependencies
	}
	files := c.siblings(path.Join(dir, "x.go"), "")
	if len(files) == 0 {
		return nil, fmt.Errorf("package %s is not in the standard library", name)
	}
	config := types.Config{Importer: c, FakeImportC: true, IgnoreFuncBodies: true, Error: func(error) {}}
	p, _ := config.Check(name, c.files, files, nil) // with errors too, p has what was found
	c.imported[name] = p
	return p, nil
}

func (c *checker) all(heads []head, bodies []string) []verdict {
	verdicts := make([]verdict, len(heads))
	for i, h := range heads {
		verdicts[i] = c.one(h, bodies[i])
	}
	return verdicts
}

// one checks a function in a copy of its file: its own body is the completed
// one, every other body is left out, and so errors can only be of the head's
// package or of the body. Errors outside of the function (an import that only other
// bodies use) do not count against it.
func (c *checker) one(h head, body string) verdict {
	if v := parses(h, body); !v.parses {
		return v
	}
	text := h.doc.Text[:h.brace+1] + body + h.doc.Text[h.end:]
	f, err := parser.ParseFile(c.files, h.doc.Name, text, parser.SkipObjectResolution)
	if err != nil {
		return verdict{reason: err.Error()}
	}
	fn := functionAt(c.files, f, h.from)
	if fn == nil {
		return verdict{reason: "the completion swallowed the function"}
	}
	dropBodies(f, fn)
	v := verdict{parses: true, checks: true}
	config := types.Config{Importer: c, FakeImportC: true, Error: func(err error) {
		e, ok := err.(types.Error)
		if ok && v.checks && fn.Pos() <= e.Pos && e.Pos <= fn.End() && e.Fset == c.files {
			v.checks, v.reason = false, e.Msg
		}
	}}
	_, _ = config.Check(path.Dir(h.doc.Name), c.files, append(c.siblings(h.doc.Name, f.Name.Name), f), nil)
	return v
}

// parses tells whether the function stands on its own: one declaration, closed,
// with a body that is not empty.
func parses(h head, body string) verdict {
	code := "package p\n" + h.doc.Text[h.from:h.brace+1] + body
	f, err := parser.ParseFile(token.NewFileSet(), "", code, parser.SkipObjectResolution)
	if err != nil {
		return verdict{reason: err.Error()}
	}
	fn, ok := f.Decls[0].(*ast.FuncDecl)
	if !ok || len(f.Decls) != 1 || fn.Body == nil || len(fn.Body.List) == 0 {
		return verdict{reason: "the body is empty"}
	}
	return verdict{parses: true}
}

func functionAt(files *token.FileSet, f *ast.File, offset int) *ast.FuncDecl {
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && files.Position(fn.Pos()).Offset == offset {
			return fn
		}
	}
	return nil
}

// dropBodies leaves the declarations of f, without bodies but for one: those
// of generic functions stay, for such a function must have one.
func dropBodies(f *ast.File, but *ast.FuncDecl) {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if ok && fn != but && fn.Type.TypeParams == nil && fn.Name.Name != "init" && fn.Name.Name != "main" {
			fn.Body = nil
		}
	}
}

// siblings are the other files of the package for this machine; pkg "" takes
// the package's name from the first of them.
func (c *checker) siblings(name, pkg string) []*ast.File {
	dir := filepath.Join(c.root, "src", filepath.FromSlash(path.Dir(name)))
	found, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil
	}
	var all []*ast.File
	for _, p := range found {
		other := path.Join(path.Dir(name), filepath.Base(p))
		if other == name || !c.compiled[other] {
			continue
		}
		f, err := parser.ParseFile(c.files, p, nil, parser.SkipObjectResolution)
		if err != nil || pkg != "" && f.Name.Name != pkg {
			continue
		}
		pkg = f.Name.Name
		dropBodies(f, nil)
		all = append(all, f)
	}
	return all
}
