package corpus

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// A GoFunction is a documented function of Go source: a pair to learn from, in
// either direction.
type GoFunction struct {
	Doc  string // the comment's text, without its slashes
	Code string // the declaration, from func to its closing brace
}

// GoFunctions lists the functions and methods of a Go file that have a doc comment and a
// body. Source that does not parse gives an error.
func GoFunctions(d Document) ([]GoFunction, error) {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, d.Name, d.Text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var all []GoFunction
	for _, decl := range f.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		if doc := strings.TrimSpace(fn.Doc.Text()); doc != "" {
			all = append(all, GoFunction{doc, d.Text[files.Position(fn.Pos()).Offset:files.Position(fn.End()).Offset]})
		}
	}
	return all, nil
}

// ImportsC tells whether Go source is cgo's: it imports "C". Source that does not parse
// does not.
func ImportsC(text string) bool {
	f, err := parser.ParseFile(token.NewFileSet(), "", text, parser.ImportsOnly)
	if err != nil {
		return false
	}
	for _, spec := range f.Imports {
		if spec.Path.Value == `"C"` {
			return true
		}
	}
	return false
}
