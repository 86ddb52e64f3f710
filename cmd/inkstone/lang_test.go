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

// TestPhrasesOfTokenizers: what a GGUF file does not do of a tokenizer is told in Chinese.
func TestPhrasesOfTokenizers(t *testing.T) {
	a := &app{lang: chinese}
	for text, want := range map[string]string{
		"tokenizer: in the GGUF file texts are not put into Unicode's form NFC: in another form they get other ids":                                      "分词器：GGUF 文件不把文本转成 Unicode 的 NFC 形式：其他形式的文本得到不同的编号",
		"tokenizer: in the GGUF file a blank is put before a text, also where it has one":                                                                "分词器：GGUF 文件总在文本前加一个空格，即使已有空格",
		"tokenizer: in the GGUF file a blank is put before a text and behind added tokens, also where there is one, and not before the whole text alone": "分词器：GGUF 文件总在文本前和附加词元之后加一个空格，即使已有空格，而不只在全文开头",
		`tokenizer: in the GGUF file added tokens do not take the blanks around them: 2, the first is "<mask>"`:                                          `分词器：GGUF 文件中附加词元不吸收两旁的空格：2 个，第一个是 "<mask>"`,
		`tokenizer: in the GGUF file added tokens are found within words too: 2, the first is "the"`:                                                     `分词器：GGUF 文件中附加词元在词的内部也会被找到：2 个，第一个是 "the"`,
		`tokenizer: in the GGUF file added tokens are found in a text as it is, not as it is normalised: 1, the first is "a b"`:                          `分词器：GGUF 文件在原文而非规范化后的文本中查找附加词元：1 个，第一个是 "a b"`,
		`tokenizer: in the GGUF file added tokens stand for blanks, not for ▁ that a text itself has: 30, the first is "▁▁"`:                             `分词器：GGUF 文件中附加词元代表空格，而非文本本身的 ▁：30 个，第一个是 "▁▁"`,
		`tokenizer: the model has no rows for added tokens: 1, the first is "<image_soft_token>"`:                                                        `分词器：模型没有附加词元的行：1 个，第一个是 "<image_soft_token>"`,
	} {
		if got := a.phrase(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
