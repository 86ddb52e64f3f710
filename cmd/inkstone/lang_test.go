package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestFormatsOfBothLanguages fills the two formats of every a.t(en, zh) of this
// package with the same arguments: verbs, order and indices must fit in both.
func TestFormatsOfBothLanguages(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			en, zh, ok := bothTexts(n)
			if !ok {
				return true
			}
			seen++
			args := sample(en)
			if len(args) == 0 {
				return true // no format
			}
			for _, text := range []string{en, zh} {
				if got := fmt.Sprintf(text, args...); strings.Contains(got, "%!") {
					t.Errorf("%s: %q with the arguments of %q gives %q", name, text, en, got)
				}
			}
			return true
		})
	}
	if seen < 50 {
		t.Errorf("%d pairs of texts were found", seen)
	}
}

// bothTexts are the two texts of a call of app.t, where both are literals.
func bothTexts(n ast.Node) (en, zh string, ok bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) != 2 {
		return "", "", false
	}
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || f.Sel.Name != "t" {
		return "", "", false
	}
	texts := [2]string{}
	for i, arg := range call.Args {
		literal, ok := arg.(*ast.BasicLit)
		if !ok {
			return "", "", false
		}
		texts[i], _ = strconv.Unquote(literal.Value)
	}
	return texts[0], texts[1], true
}

var verb = regexp.MustCompile(`%[-+# 0]*[0-9]*(?:\.[0-9]+)?([a-z%])`)

// sample makes an argument for each verb of an English format, which has no indices.
func sample(format string) (args []any) {
	for _, m := range verb.FindAllStringSubmatch(format, -1) {
		switch m[1] {
		case "d":
			args = append(args, 1)
		case "f", "g":
			args = append(args, 1.5)
		case "%":
		default:
			args = append(args, "x")
		}
	}
	return args
}
