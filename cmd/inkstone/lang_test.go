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

// TestPhrasesOfVerify: what differs between two models is told in Chinese, and counts
// of things read well in both languages.
func TestPhrasesOfVerify(t *testing.T) {
	a := &app{lang: chinese}
	for text, want := range map[string]string{
		`token 3 of the text differs: 5 "a" and 7 "b"`:                   `文本的第 3 个词元不同：5 "a" 与 7 "b"`,
		`token 3 of the text differs: the end and 7 "b"`:                 `文本的第 3 个词元不同：前者已结束，后者为 7 "b"`,
		`token 3 of the text differs: 5 "a" and the end`:                 `文本的第 3 个词元不同：前者为 5 "a"，后者已结束`,
		`model does not give the text back: from byte 2 on "x" and "y"`:  `model 未能还原文本：自第 2 字节起为 "x" 与 "y"`,
		`a has one, b has none`:                                          `a 有，b 没有`,
		`from byte 2 on "x" and "y"`:                                     `自第 2 字节起为 "x" 与 "y"`,
		"one refuses a conversation: template: line 1\nno system's role": "其中一个拒绝一段对话：template: line 1\nno system's role",
	} {
		if got := a.phrase(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	for n, want := range map[int]string{0: "0 files", 1: "1 file", 2: "2 files"} {
		if got := (&app{}).counted(n, "file", "个文件"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got, want := a.counted(1, "file", "个文件"), "1 个文件"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
