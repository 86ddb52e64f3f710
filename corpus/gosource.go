package corpus

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// GoRoot asks the go command for the root of the Go installation and follows
// symbolic links, by which distributions lay out theirs.
func GoRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("corpus: go env GOROOT: %w", err)
	}
	root, err := filepath.EvalSymlinks(strings.TrimSpace(string(out)))
	if err != nil {
		return "", fmt.Errorf("corpus: GOROOT: %w", err)
	}
	return root, nil
}

// GoSource reads the Go standard library under root/src: all Go files, tests
// too, without commands (src/cmd), vendored packages, testdata, and files
// marked as generated. Names are slash-separated paths below src, in order.
func GoSource(root string) ([]Document, error) {
	src, err := filepath.EvalSymlinks(filepath.Join(root, "src"))
	if err != nil {
		return nil, fmt.Errorf("corpus: Go sources: %w", err)
	}
	var docs []Document
	err = fs.WalkDir(os.DirFS(src), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if outside(name) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(src, filepath.FromSlash(name)))
		if err == nil && len(text) > 0 && !Generated(text) {
			if err = checkText(text); err == nil {
				docs = append(docs, Document{name, string(text)})
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("corpus: Go sources in %s: %w", src, err)
	}
	if len(docs) == 0 {
		return nil, fmt.Errorf("corpus: no Go source in %s", src)
	}
	return docs, nil
}

// outside reports whether a folder is not of the standard library proper.
func outside(name string) bool {
	base := path.Base(name)
	return name == "cmd" || base == "vendor" || base == "testdata" ||
		name != "." && (base[0] == '.' || base[0] == '_')
}

// Generated reports whether Go source carries the mark of generated code
// (https://go.dev/s/generatedcode), before its package clause.
func Generated(source []byte) bool {
	if !bytes.Contains(source, []byte("DO NOT EDIT.")) {
		return false
	}
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.PackageClauseOnly|parser.ParseComments)
	return err == nil && ast.IsGenerated(file)
}

// SplitGo divides Go files into training and held-out ones by whole packages
// (folders, a folder's test files with it); packages that [Groups] finds to
// share near-identical files stay together. Groups are drawn by the seed until
// share of the bytes is held out, none that overshoots it by half. The order
// of files is kept. [Overlap] tells how well it went.
func SplitGo(docs []Document, share float64, seed uint64) (train, held []Document) {
	return drawGroups(docs, packages(docs), share, seed)
}

// packages numbers the documents by package, kin packages alike.
func packages(docs []Document) []int {
	u := newUnion(len(docs))
	first, group := map[string]int{}, map[int]int{}
	for i, g := range Groups(docs) {
		if j, ok := group[g]; ok {
			u.join(i, j)
		}
		group[g] = i
		folder := path.Dir(docs[i].Name)
		if j, ok := first[folder]; ok {
			u.join(i, j)
		}
		first[folder] = i
	}
	return u.numbers()
}
