package generate_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// saved is the file of a prompt of 150 tokens and the prompt.
func saved(t testing.TB, e *generate.Engine) (path string, prompt []int32) {
	t.Helper()
	path, prompt = filepath.Join(t.TempDir(), "prompt"), make([]int32, 150)
	for i := range prompt {
		prompt[i] = int32(i * i % 17)
	}
	if err := e.SavePrompt(t.Context(), path, prompt); err != nil {
		t.Fatal(err)
	}
	return path, prompt
}

// TestPromptFile: an engine that has a prompt from a file goes on as one that has read it, to the bit.
func TestPromptFile(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	for name, config := range long {
		lm := lively(t, config, d)
		for _, o := range []generate.Options{{}, {CacheType: tensor.F16}, {CacheType: tensor.Q8_0}} {
			if name == "canon" && o.CacheType == tensor.Q8_0 {
				continue
			}
			path, prompt := saved(t, newEngine(t, lm, o))
			request := []generate.Request{{Prompt: append(slices.Clone(prompt), 3, 4), MaxTokens: 20, LogProbs: 3}}
			want := alone(t, lm, o, request)
			e := newEngine(t, lm, o)
			ids, err := e.RestorePrompt(path)
			if err != nil || !slices.Equal(ids, prompt) {
				t.Fatalf("%v, %v", ids, err)
			}
			got, err := e.Run(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "restored", want, got)
			if got[0].Usage.Shared != 150 {
				t.Errorf("%d tokens were in the cache", got[0].Usage.Shared)
			}
		}
	}
}

// TestPromptFileErrors: another model, type of cache, window, a changed, cut or longer file, none: nothing
// of it is in the cache then.
func TestPromptFileErrors(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	lm := lively(t, long["llama"], d)
	path, _ := saved(t, newEngine(t, lm, generate.Options{}))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := lively(t, long["llama"], d)
	other.HeadWeight().FillNormal(99, 0.5)
	changed := slices.Clone(whole)
	changed[len(changed)/2] ^= 1
	wide := slices.Clone(whole)
	wide[len(promptMagic)+3] = 1
	version := slices.Clone(whole)
	version[len(promptMagic)-2] = '2'
	for _, tt := range []struct {
		name  string
		bytes []byte
		e     *generate.Engine
		says  string
	}{
		{"another model", whole, newEngine(t, other, generate.Options{}), "it is of another model"},
		{"another type", whole, newEngine(t, lm, generate.Options{CacheType: tensor.F16}), "keys and values of f32, the engine's cache has f16"},
		{"a small window", whole, newEngine(t, lm, generate.Options{Context: 149}), "a prompt of 150 tokens, context of 149"},
		{"no window", whole, newEngine(t, lively(t, configs["lstm"], d), generate.Options{}), "has no cache of a prompt"},
		{"changed", changed, newEngine(t, lm, generate.Options{}), "the checksum differs"},
		{"cut off", whole[:len(whole)-1], newEngine(t, lm, generate.Options{}), "it is cut off"},
		{"cut off early", whole[:30], newEngine(t, lm, generate.Options{}), ""},
		{"longer", append(slices.Clone(whole), 0), newEngine(t, lm, generate.Options{}), "it is cut off or not one file"},
		{"a long header", wide, newEngine(t, lm, generate.Options{}), "a header of 16777"},
		{"another file", []byte("something else"), newEngine(t, lm, generate.Options{}), "no file of a prompt's cache"},
		{"another version", version, newEngine(t, lm, generate.Options{}), "or one of another version"},
		{"empty", nil, newEngine(t, lm, generate.Options{}), "no file of a prompt's cache"},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, tt.bytes, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := tt.e.RestorePrompt(path)
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.says)
		}
	}
	if _, err := newEngine(t, lm, generate.Options{}).RestorePrompt(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there")
	}
}

// TestPromptFileForged: what a right checksum does not tell is looked at: rows of other sizes, tokens that the
// vocabulary has not, a prompt for which no memory is left.
func TestPromptFileForged(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	lm := lively(t, long["llama"], d)
	page := generate.CacheBytes(lm.Shape(), tensor.F32, 1)
	e := newEngine(t, lm, generate.Options{Memory: 4 * page})
	path, _ := saved(t, e)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string]func(rows []int, ids []byte){
		"rows of [":                              func(rows []int, _ []byte) { rows[0], rows[1] = rows[0]-4, rows[1]+4 },
		"token -1 at place 1, the vocabulary":    func(_ []int, ids []byte) { copy(ids[4:], []byte{255, 255, 255, 255}) },
		"token 17 at place 149, the vocabulary ": func(_ []int, ids []byte) { ids[4*149] = 17 },
	} {
		if _, err := e.RestorePrompt(forged(t, whole, change)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
	for _, h := range []promptHeader{
		{Type: "f32", Tokens: 1 << 62, Rows: []int{4}}, // of which 64 bits hold no size: 0 bytes
		{Type: "f32", Tokens: 1, Rows: []int{1 << 62, 1 << 62, 1 << 62, 1 << 62}},
		{Type: "f32", Tokens: 1, Rows: []int{4, -4}}, {Type: "f32", Tokens: 0, Rows: []int{4}},
	} {
		rest := make([]byte, 4*h.Tokens)
		if _, err := e.RestorePrompt(promptFile(t, h, rest)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("a header of %d tokens, rows of %v bytes", h.Tokens, h.Rows)) {
			t.Errorf("%+v: error %v", h, err)
		}
	}
	next, stop := iter.Pull2(e.Stream(t.Context(), generate.Request{Prompt: []int32{1, 2, 3}, MaxTokens: 100}))
	defer stop()
	if _, err, _ := next(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.RestorePrompt(path); err == nil || !strings.Contains(err.Error(), "150 tokens do not fit the memory that is not in use, which holds 128") {
		t.Errorf("beside another text: error %v", err)
	}
	stop()
	if ids, err := e.RestorePrompt(path); err != nil || len(ids) != 150 {
		t.Errorf("when that is over: %d tokens, %v", len(ids), err)
	}
	within, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := e.Run(within, []generate.Request{{Prompt: slices.Repeat([]int32{5}, 200), MaxTokens: 1}}); err != nil {
		t.Errorf("a text that needs the memory of the one from the file: %v", err)
	}
}

// forged is a file with another header or other tokens.
func forged(t *testing.T, whole []byte, change func(rows []int, ids []byte)) string {
	t.Helper()
	n := len(promptMagic) + 4 + int(binary.LittleEndian.Uint32(whole[len(promptMagic):]))
	var h promptHeader
	if err := json.Unmarshal(whole[len(promptMagic)+4:n], &h); err != nil {
		t.Fatal(err)
	}
	rest := slices.Clone(whole[n : len(whole)-sha256.Size])
	change(h.Rows, rest)
	return promptFile(t, h, rest)
}

const promptMagic = "inkstone prompt cache 1\n"

type promptHeader struct {
	Model  string `json:"model"`
	Type   string `json:"type"`
	Tokens int    `json:"tokens"`
	Rows   []int  `json:"rows"`
}

// promptFile is a file with this header, the rest and a checksum of both.
func promptFile(t *testing.T, h promptHeader, rest []byte) string {
	t.Helper()
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	out := binary.LittleEndian.AppendUint32([]byte(promptMagic), uint32(len(b)))
	out = append(append(out, b...), rest...)
	sum := sha256.Sum256(out)
	path := filepath.Join(t.TempDir(), "forged")
	if err := os.WriteFile(path, append(out, sum[:]...), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// FuzzRestorePrompt changes the file and repairs its checksum, so that what stands before it is
// what is refused: an error, or a prompt of the vocabulary; no panic.
func FuzzRestorePrompt(f *testing.F) {
	d := tensor.CPU(1)
	f.Cleanup(d.Close)
	lm := lively(f, long["llama"], d)
	path, _ := saved(f, newEngine(f, lm, generate.Options{}))
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	head := whole[:slices.Index(whole, '}')+1+4*150]
	f.Add(head, len(whole)-len(head)-sha256.Size)
	f.Add(head[:40], 0)
	f.Add([]byte("inkstone prompt cache 1\n\x02\x00\x00\x00{}"), 8)
	e := newEngine(f, lm, generate.Options{})
	f.Fuzz(func(t *testing.T, head []byte, n int) {
		b := append(slices.Clone(head), make([]byte, min(max(n, 0), 1<<20))...)
		sum := sha256.Sum256(b)
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, append(b, sum[:]...), 0o644); err != nil {
			t.Fatal(err)
		}
		ids, err := e.RestorePrompt(path)
		if err == nil && (len(ids) == 0 || slices.Min(ids) < 0 || slices.Max(ids) > 16) {
			t.Errorf("prompt %v", ids)
		}
	})
}

// TestPromptCache: a text's file is written and read; what had to be read is not counted as shared. A file of
// another prompt, and what can not be together, is refused.
func TestPromptCache(t *testing.T) {
	tok, err := tokenizer.NewByte()
	if err != nil {
		t.Fatal(err)
	}
	d := tensor.CPU(1)
	defer d.Close()
	lm := lively(t, strings.Replace(long["llama"], `"vocab_size":17`, fmt.Sprintf(`"vocab_size":%d`, tok.Size()), 1), d)
	path := filepath.Join(t.TempDir(), "prompt")
	run := func(p generate.Prompt) (u generate.Usage, err error) {
		p.Cache, p.MaxTokens = path, 2
		text := &generate.Text{Engine: newEngine(t, lm, generate.Options{}), Tokenizer: tok}
		stream := text.Stream(t.Context(), p)
		if _, err := os.Stat(path); p.Text == "one two" && err == nil {
			t.Error("the file is there before the first token is asked for")
		}
		for x, e := range stream {
			if err = e; x.Usage != nil {
				u = *x.Usage
			}
		}
		return u, err
	}
	for _, tt := range []struct {
		prompt generate.Prompt
		shared int
		says   string
	}{
		{generate.Prompt{Text: "one two"}, 0, ""},
		{generate.Prompt{Text: "one two three"}, 7, ""},
		{generate.Prompt{Text: "one t"}, 4, ""},
		{generate.Prompt{Text: "one ten"}, 0, "its prompt of 7 tokens is no beginning of this one, which has another token at place 5"},
		{generate.Prompt{Text: "one two three", Shift: true}, 0, "Shift drops tokens"},
	} {
		u, err := run(tt.prompt)
		if u.Shared != tt.shared || (err != nil) != (tt.says != "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %+v, error %v; want %d shared, %q", tt.prompt, u, err, tt.shared, tt.says)
		}
	}
	text := &generate.Text{Engine: newEngine(t, lm, generate.Options{}), Tokenizer: tok}
	if _, err := text.Run(t.Context(), []generate.Prompt{{Text: "one", Cache: path, MaxTokens: 1}}); err == nil || !strings.Contains(err.Error(), "is for Stream alone") {
		t.Errorf("Run with a file: error %v", err)
	}
}

// TestPromptFileOfAClosedEngine: an engine that was closed writes and takes no file, though it knows the prompt.
func TestPromptFileOfAClosedEngine(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	e := newEngine(t, lively(t, long["llama"], d), generate.Options{})
	path, prompt := saved(t, e)
	e.Close()
	other := path + "-2"
	if err := generate.SavePages(e, other, prompt); err == nil || !strings.Contains(err.Error(), "the engine is closed") {
		t.Errorf("saved by a closed engine: error %v", err)
	}
	if _, err := os.Stat(other); err == nil {
		t.Error("a closed engine wrote a file")
	}
	if _, err := e.RestorePrompt(path); err == nil || !strings.Contains(err.Error(), "the engine is closed") {
		t.Errorf("restored by a closed engine: error %v", err)
	}
}

// TestPromptFileBroken: a panic of the model while a prompt is saved does not leave the engine locked.
func TestPromptFileBroken(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	e := newEngine(t, &breaks{LM: lively(t, long["llama"], d), at: 1}, generate.Options{})
	path := filepath.Join(t.TempDir(), "prompt")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		e.SavePrompt(t.Context(), path, []int32{1, 2})
	}()
	within, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := e.Run(within, []generate.Request{{Prompt: []int32{1, 2}, MaxTokens: 2}}); err != nil {
		t.Error(err)
	}
	if err := e.SavePrompt(within, path, []int32{1, 2}); err != nil {
		t.Error(err)
	}
}
