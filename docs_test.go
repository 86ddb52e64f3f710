package inkstone_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/corpus/world"
)

// The pages are part of the program: what they say is run, parsed or looked up here.

// pages are all pages of the project.
func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A block is a fenced part of a page.
type block struct{ Lang, Text string }

func blocks(t *testing.T, path string) (found []block) {
	t.Helper()
	var now *block
	for line := range strings.Lines(read(t, path)) {
		switch {
		case !strings.HasPrefix(line, "```"):
			if now != nil {
				now.Text += line
			}
		case now == nil:
			now = &block{Lang: strings.TrimSpace(line[3:])}
		default:
			found, now = append(found, *now), nil
		}
	}
	if now != nil {
		t.Fatalf("%s: a fence is not closed", path)
	}
	return found
}

func TestREADMEsHaveTheSameBlocks(t *testing.T) {
	en, zh := blocks(t, "README.md"), blocks(t, "README.zh-CN.md")
	if len(en) < 10 {
		t.Errorf("README.md has %d blocks", len(en))
	}
	if diff := cmp.Diff(en, zh); diff != "" {
		t.Errorf("README.md (-) and README.zh-CN.md (+) have different blocks:\n%s", diff)
	}
}

func TestREADMEsHaveTheSameNumbers(t *testing.T) {
	number := regexp.MustCompile("[0-9]+(?:[.,][0-9]+)*|–|`[^`]*`")
	rows := func(path string) (cells [][]string) {
		for line := range strings.Lines(read(t, path)) {
			if strings.HasPrefix(line, "|") {
				cells = append(cells, number.FindAllString(line, -1))
			}
		}
		return cells
	}
	if diff := cmp.Diff(rows("README.md"), rows("README.zh-CN.md")); diff != "" {
		t.Errorf("the tables of README.md (-) and README.zh-CN.md (+) differ:\n%s", diff)
	}
}

// TestLinks follows every link of every page that does not leave the project.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)]+)\)`)
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), filepath.FromSlash(target))); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

// TestNames looks up what pages name in the source: files by their paths, and
// exported names such as tensor.HeadLoss.
func TestNames(t *testing.T) {
	file := regexp.MustCompile("`([a-z_]+/[\\w./-]*\\.[a-z0-9]+)`")
	name := regexp.MustCompile("`([a-z]+)\\.([A-Z]\\w*)")
	exported := map[string]map[string]bool{}
	for _, dir := range packages(t) {
		exported[filepath.Base(dir)] = declared(t, dir)
	}
	n := 0
	for _, page := range pages(t) {
		text := read(t, page)
		for _, m := range file.FindAllStringSubmatch(text, -1) {
			if top, _, _ := strings.Cut(m[1], "/"); !isDir(top) {
				continue // a folder that a run makes
			}
			if _, err := os.Stat(filepath.FromSlash(m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
		for _, m := range name.FindAllStringSubmatch(text, -1) {
			if names := exported[m[1]]; names != nil && !names[m[2]] {
				t.Errorf("%s: there is no %s.%s", page, m[1], m[2])
			}
			n++
		}
	}
	if n < 10 {
		t.Errorf("the pages name %d things", n)
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// declared lists what a package declares, methods and fields among them.
func declared(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				names[n.Name.Name] = true
				return false
			case *ast.TypeSpec:
				names[n.Name.Name] = true
			case *ast.ValueSpec:
				for _, id := range n.Names {
					names[id.Name] = true
				}
			}
			return true
		})
	}
	return names
}

// TestREADMETree: a package that is not in the tree would not be found.
func TestREADMETree(t *testing.T) {
	for _, page := range []string{"README.md", "README.zh-CN.md"} {
		text := read(t, page)
		for _, dir := range packages(t) {
			if !strings.Contains(text, "("+dir+")") && !strings.HasPrefix(dir, "internal/") && !strings.HasPrefix(dir, "bench/") {
				t.Errorf("%s: the tree lacks %s", page, dir)
			}
		}
	}
}

// packages are the folders below the root with Go files that are built.
func packages(t *testing.T) (dirs []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.ContainsAny(d.Name()[:1], "._")) {
			return fs.SkipDir
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && dir != "." && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// goTool runs the go command, and fails the test with what it said.
func goTool(t *testing.T, args ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a program")
	}
	if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestGoBlocks compiles every Go block of the pages that is a program; list -export
// does so without the linker's seconds, of all at once: they lie in folders of this
// module that are in its overlay alone.
func TestGoBlocks(t *testing.T) {
	dir, root := t.TempDir(), must(os.Getwd())
	replace, args := map[string]string{}, []string{"list", "-export", "-overlay", filepath.Join(dir, "overlay.json")}
	seen := map[string]bool{} // blocks that both READMEs have
	for _, page := range pages(t) {
		for i, b := range blocks(t, page) {
			if b.Lang != "go" || !strings.HasPrefix(b.Text, "package main") || seen[b.Text] {
				continue
			}
			seen[b.Text] = true
			name := fmt.Sprintf("%s-%d", strings.NewReplacer("/", "-", "\\", "-", ".", "-").Replace(page), i)
			file := filepath.Join(dir, name+".go")
			write(file, b.Text)
			replace[filepath.Join(root, "pages", name, "main.go")] = file
			args = append(args, "./pages/"+name)
		}
	}
	if len(seen) < 2 {
		t.Fatalf("the pages have %d programs", len(seen))
	}
	write(args[3], string(must(json.Marshal(map[string]any{"Replace": replace}))))
	goTool(t, args...)
}

// binary builds the program into a folder that is put first on PATH.
func binary(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	exe := filepath.Join(dir, "inkstone")
	if runtime.GOOS == "windows" {
		exe += ".exe"
	}
	goTool(t, "build", "-ldflags=-s -w", "-o", exe, "./cmd/inkstone")
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return exe
}

var (
	command = regexp.MustCompile("(?m)(?:^|[|`$] ?|&& |do |cmd/)(inkstone(?: [^`|;&\n]*)?)")
	flagged = regexp.MustCompile(`^--?[a-z][a-z-]*`)
)

// TestCommands holds the pages' command lines against the program: each verb
// and flag exists, and what can be pasted runs.
func TestCommands(t *testing.T) {
	exe := binary(t)
	t.Run("exist", func(t *testing.T) { commandsExist(t, exe) })
	for _, page := range []string{"README.md", "docs/tutorial.md"} {
		t.Run(page, func(t *testing.T) { paste(t, page) })
	}
}

// commandsExist asks the program for the help of each verb that a page
// shows and looks for the flags that the page gives it.
func commandsExist(t *testing.T, exe string) {
	help := map[string]string{}
	for _, page := range pages(t) {
		n := 0
		for _, m := range command.FindAllStringSubmatch(read(t, page), -1) {
			verb, flags := parse(m[1])
			if verb == "" && len(flags) == 0 {
				continue // the program's name
			}
			n++
			if _, ok := help[verb]; !ok {
				out, err := exec.CommandContext(t.Context(), exe, append(strings.Fields(verb), "--help", "--lang", "en")...).CombinedOutput()
				if err != nil {
					t.Errorf("%s: %q: %v\n%s", page, m[1], err, out)
				}
				help[verb] = string(out)
			}
			if want := "inkstone " + verb; verb != "" && !strings.Contains(help[verb], want) {
				t.Errorf("%s: %q: there is no verb %q", page, m[1], verb)
			}
			for _, f := range flags {
				if !regexp.MustCompile(`(?m)(^|[ ,])` + regexp.QuoteMeta(f) + `\b`).MatchString(help[verb]) {
					t.Errorf("%s: %q: %s has no flag %s", page, m[1], verb, f)
				}
			}
		}
		if strings.HasPrefix(page, "README") && n < 15 {
			t.Errorf("%s: found only %d commands", page, n)
		}
	}
}

// parse splits a command line into the words of its verb and its flags.
func parse(line string) (verb string, flags []string) {
	words := strings.Fields(line)[1:]
	verbs := map[string]bool{
		"quickstart": true, "tokenizer": true, "train": true, "tune": true, "generate": true, "chat": true, "eval": true, "plan": true, "bench": true, "vectors": true,
		"encode": true, "decode": true, "info": true, "peers": true, "busy": true, "export": true, "import": true, "plot": true, "embed": true, "masked": true, "stylize": true,
		"pull": true, "list": true, "show": true, "rm": true, "convert": true, "quantize": true, "verify": true, "complete": true, "embedded": true, "build": true,
	}
	for len(words) > 0 && verbs[words[0]] {
		verb, words = strings.TrimSpace(verb+" "+words[0]), words[1:]
		if verb != "tokenizer" && verb != "bench" && verb != "vectors" && verb != "embedded" {
			break
		}
	}
	for _, w := range words {
		if f := flagged.FindString(w); f != "" {
			flags = append(flags, f)
		}
	}
	return verb, flags
}

// paste gives the command blocks of a page to a shell, one after another, in a
// folder that has a short book.txt and chats.jsonl. Left out are those that
// need the network, the source tree or three minutes.
func paste(t *testing.T, page string) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	dir := t.TempDir()
	writeWorld(t, dir)
	for _, b := range blocks(t, page) {
		if b.Lang != "sh" || strings.Contains(b.Text, "curl ") || strings.Contains(b.Text, "inkstone pull ") || strings.HasPrefix(b.Text, "go ") {
			continue
		}
		c := exec.CommandContext(t.Context(), shell, "-e", "-c", b.Text)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, b.Text, out)
		}
	}
}

// writeWorld writes the files that README takes for granted; the first
// conversation is README's own.
func writeWorld(t *testing.T, dir string) {
	t.Helper()
	w := world.New(1)
	r := rand.New(rand.NewPCG(1, 1))
	var book, chats strings.Builder
	for book.Len() < 12_000 {
		book.WriteString(w.Prose(r).Text() + "\n")
	}
	for _, b := range blocks(t, "README.md") {
		if b.Lang == "json" {
			chats.WriteString(strings.Repeat(b.Text, 12))
		}
	}
	for line := range strings.Lines(chats.String()) {
		if _, err := corpus.ParseConversation([]byte(line)); err != nil {
			t.Fatalf("README's conversation: %v", err)
		}
	}
	for name, text := range map[string]string{"book.txt": book.String(), "chats.jsonl": chats.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPromises looks up every test, script and file that docs/promises.md names.
func TestPromises(t *testing.T) {
	named := regexp.MustCompile("`([a-z][a-z/]*|\\.) ((?:Test|Fuzz|Benchmark|Example)[A-Za-z0-9_]*)`")
	files := regexp.MustCompile("`([a-zA-Z.][\\w.-]*/[\\w./-]*\\w)[ `]")
	text := read(t, "docs/promises.md")
	functions := map[string][]string{}
	found := named.FindAllStringSubmatch(text, -1)
	for _, m := range found {
		if functions[m[1]] == nil {
			functions[m[1]] = testFunctions(t, m[1])
		}
		if !slices.Contains(functions[m[1]], m[2]) {
			t.Errorf("docs/promises.md: package %s has no %s", m[1], m[2])
		}
	}
	if len(found) < 50 {
		t.Errorf("docs/promises.md names %d tests", len(found))
	}
	for _, m := range files.FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.FromSlash(m[1])); err != nil {
			t.Errorf("docs/promises.md: %v", err)
		}
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| promise") && !state.MatchString(line) {
			t.Errorf("docs/promises.md: a row does not say whether it is reached: %s", line)
		}
	}
}

var state = regexp.MustCompile(`\| (yes|in part|to be measured|not reached)[^|]*\|\n$`)

// testFunctions lists the functions of a package's tests, of all platforms.
func testFunctions(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("docs/promises.md: package %s has no tests (%v)", dir, err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}
