package main

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"inkstone": main})
}

// TestScripts runs the command lines of testdata/script, one file a subject, in
// an empty folder each. Beside testscript's own commands they have:
//
//	code N PROGRAM ARG…   runs a program that must exit with N
//	story FILE N [zh]     writes N sentences, the same ones each time
//	replace FILE OLD NEW  changes a file
//	bytes FILE STRING     writes a file of the string, escaped as in Go
//	cut FILE N            cuts a file to its first N bytes
//	hold DIR              holds the folder as a run that goes on does
//	shard FILE TOK TEXT   writes the text's ids as a token shard
//	same FILE FILE        compares bytes, of any kind
//	pictures DIR          draws bars and crosses, a folder for each of three classes
//	recordings DIR        writes tones that rise, "up", and that fall, "down", by three speakers
//	sounds DIR            writes hums of these classes by three speakers
//	lora DIR MODEL        writes a random adapter of the model's folder
//	hub DIR NAME          serves a folder as the model org/NAME of a hub
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Condition: func(name string) (bool, error) { // root may write everywhere
			return os.Getuid() > 0, map[bool]error{false: fmt.Errorf("unknown condition %q", name)}[name == "unprivileged"]
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": code, "story": story, "replace": replace, "bytes": literal, "cut": cut, "hold": hold, "shard": shard, "same": same, "pictures": pictures, "recordings": recordings, "sounds": sounds, "lora": lora, "hub": serveHub,
		},
	})
}

func code(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// story writes sentences about nothing, in which a model finds something to learn.
func story(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	who, does, what, stop := words("the cat,a dog,my friend,her bird"), words(" sees, likes, has, wants"), words(" a red ball, the moon, some bread, a small house"), ".\n"
	if len(args) > 2 {
		who, does, what, stop = words("小猫,老人,朋友,黄鸟"), words("看见,喜欢,拿着,想要"), words("红球,明月,面包,小屋"), "。\n"
	}
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for range n {
		b.WriteString(who[r.IntN(4)] + does[r.IntN(4)] + what[r.IntN(4)] + stop)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o666))
}

func words(list string) []string { return strings.Split(list, ",") }

func replace(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o666))
}

func literal(ts *testscript.TestScript, _ bool, args []string) {
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o666))
}

func cut(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), int64(n)))
}

func hold(ts *testscript.TestScript, _ bool, args []string) {
	unlock, err := format.LockDir(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(func() { unlock() })
}

func shard(ts *testscript.TestScript, _ bool, args []string) {
	tok, err := tokenizer.Load(ts.MkAbs(args[1]))
	ts.Check(err)
	info := corpus.ShardInfo{Tokenizer: corpus.Fingerprint(tok), Vocab: tok.Size(), End: corpus.NoEnd}
	ts.Check(corpus.WriteShard(ts.MkAbs(args[0]), tok.Encode(ts.ReadFile(args[2])), info))
}

func same(ts *testscript.TestScript, neg bool, args []string) {
	if equal := ts.ReadFile(args[0]) == ts.ReadFile(args[1]); equal == neg {
		ts.Fatalf("%s and %s: equal is %v", args[0], args[1], equal)
	}
}

// TestExitCodes are the ones that the package comment promises.
func TestExitCodes(t *testing.T) {
	tests := []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("a file is missing"), 1},
		{usagef("a flag is missing"), 2},
		{fmt.Errorf("wrapped: %w", usagef("a flag is missing")), 2},
	}
	for _, test := range tests {
		a := &app{errs: &strings.Builder{}}
		if got := a.exitCode(test.err); got != test.want {
			t.Errorf("%v: exit code %d, want %d", test.err, got, test.want)
		}
	}
}

func pictures(ts *testscript.TestScript, _ bool, args []string) {
	for _, class := range []string{"lying", "standing", "cross"} {
		dir := filepath.Join(ts.MkAbs(args[0]), class)
		ts.Check(os.MkdirAll(dir, 0o777))
		for i := range 24 {
			m := image.NewGray(image.Rect(0, 0, 8, 8))
			for p := range 64 {
				x, y := p%8, p/8
				if class != "standing" && y == i%8 || class != "lying" && x == i%8 {
					m.SetGray(x, y, color.Gray{255})
				}
			}
			m.SetGray(i%7, i%5, color.Gray{uint8(60 + i)}) // a blot, so that no two are equal
			f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%02d.png", i)))
			ts.Check(err)
			ts.Check(errors.Join(png.Encode(f, m), f.Close()))
		}
	}
}

func recordings(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o777))
	for k, speaker := range []string{"ann", "bob", "eve"} {
		for i := range 8 {
			word, slope := "up", 1.0
			if i%2 == 1 {
				word, slope = "down", -1
			}
			x, phase := make([]float32, 1200+80*i), 0.0
			for j := range x {
				phase += 2 * math.Pi * (1 + 0.1*float64(k)) * (1200 + 1200*slope*(float64(j)/float64(len(x))-0.5)) / 8000
				x[j] = float32(0.3 * math.Sin(phase))
			}
			f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%s_%s_%d.wav", word, speaker, i)))
			ts.Check(err)
			ts.Check(errors.Join(corpus.WriteWAV(f, 8000, x), f.Close()))
		}
	}
}

// sounds writes recordings by three speakers, hums of a pitch of its own for each class of pictures.
func sounds(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o777))
	for k, class := range []string{"lying", "standing", "cross"} {
		for i := range 12 {
			x := make([]float32, 800)
			for n := range x {
				x[n] = float32(0.4 * math.Sin(float64(n)*(0.3+0.4*float64(k)+0.01*float64(i))))
			}
			f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%s_%s_%d.wav", class, []string{"ann", "bo", "cy"}[i%3], i)))
			ts.Check(err)
			ts.Check(errors.Join(corpus.WriteWAV(f, 8000, x), f.Close()))
		}
	}
}
