//go:build unix

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/train"
)

// command runs this test's own binary as inkstone in dir.
func command(t *testing.T, dir string, args ...string) (c *exec.Cmd, out, errs *bytes.Buffer) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, errs = new(bytes.Buffer), new(bytes.Buffer)
	c = &exec.Cmd{Path: exe, Args: append([]string{"inkstone"}, args...), Dir: dir, Stdout: out, Stderr: errs}
	c.Env = append(os.Environ(), "LC_ALL=C", "INKSTONE_DATA=")
	return c, out, errs
}

const (
	runText   = "the cat sees a red ball.\na dog has some bread.\nmy friend wants the moon.\nher bird likes a small house.\n"
	runConfig = `{"depth": 2, "width": 32, "heads": 2, "context": 32, "rows": 4, "steps": 320, "tokenizer": "byte", "eval_every": 320, "checkpoint_every": 40}`
)

// runFolder has a text and a config file for a run of a second or two.
func runFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"book.txt": strings.Repeat(runText, 20), "run.json": runConfig} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// stoppedRuns are a run of a second or two of each family: the verb and its flags, and
// the files beside those of runFolder.
var stoppedRuns = []struct {
	name  string
	args  []string
	files map[string]string
}{
	{"llama", words("train,--data,book.txt,--config,run.json"), nil},
	{"lstm", words("train,--model-type,lstm,--data,book.txt,--config,lstm.json"), map[string]string{
		"lstm.json": `{"depth": 2, "width": 32, "context": 16, "rows": 4, "dropout": 0.1, "steps": 640, "tokenizer": "byte", "eval_every": 320, "checkpoint_every": 80}`,
	}},
	{"skip-gram", words("train,--model-type,wordvec,--data,book.txt,--config,words.json"), map[string]string{
		"words.json": `{"dimension": 64, "window": 5, "min_count": 1, "epochs": 300, "subsample": -1, "eval_every": 4500, "checkpoint_every": 600}`,
	}},
	{"glove", words("train,--model-type,glove,--data,book.txt,--config,glove.json"), map[string]string{
		"glove.json": `{"dimension": 32, "window": 5, "min_count": 1, "step": 64, "epochs": 800, "eval_every": 1600, "checkpoint_every": 200}`,
	}},
	{"seq2seq", words("train,--model-type,seq2seq,--data,pairs.tsv,--config,seq2seq.json"), map[string]string{
		"seq2seq.json": `{"tokenizer": "char", "width": 32, "heads": 2, "layers": 1, "rows": 8, "steps": 320, "eval_every": 320, "checkpoint_every": 40}`,
	}},
	{"bert", words("train,--model-type,bert,--data,book.txt,--config,bert.json"), map[string]string{
		"bert.json": `{"depth": 2, "width": 32, "heads": 2, "context": 32, "rows": 4, "dropout": 0.1, "vocab": 64, "steps": 320, "eval_every": 320, "checkpoint_every": 40}`,
	}},
	{"head", words("tune,--task,classify,--model,encoder,--data,labels.jsonl,--steps,320,--batch,4,--eval-every,320,--checkpoint-every,40"), nil},
}

// familyFolder is runFolder with the pairs, the labels and the encoder that the other families need.
func familyFolder(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	dir := runFolder(t)
	var pairs, labels strings.Builder
	for i := range 80 {
		fmt.Fprintf(&pairs, "%d\t%d\n", 100+i, 979-i)
		fmt.Fprintf(&labels, `{"text":"the %s sees %d","label":%q}`+"\n", []string{"cat", "dog"}[i%2], i, []string{"meow", "woof"}[i%2])
	}
	all := map[string]string{"pairs.tsv": pairs.String(), "labels.jsonl": labels.String()}
	maps.Copy(all, files)
	for name, text := range all {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if name == "head" {
		config := filepath.Join(dir, "encoder.json")
		if err := os.WriteFile(config, []byte(`{"depth": 1, "width": 32, "heads": 2, "context": 32, "rows": 4, "vocab": 64}`), 0o666); err != nil {
			t.Fatal(err)
		}
		finished(t, dir, words("train,--model-type,bert,--data,book.txt,--config,encoder.json,--steps,4,--out,encoder,--json")...)
	}
	return dir
}

// TestInterruptedRun stops a run of each family by Ctrl-C, by kill -9, by Ctrl-C twice
// and by kill -9 at random moments, with one and with two threads, and expects the
// weights and the log of a run that nobody stopped.
func TestInterruptedRun(t *testing.T) {
	for _, r := range stoppedRuns {
		t.Run(r.name, func(t *testing.T) {
			dir := familyFolder(t, r.name, r.files)
			args := append(slices.Clone(r.args), "--json", "--out")
			if r.args[0] == "tune" {
				args = append(slices.Clone(r.args), "--out")
			}
			began := time.Now()
			ended(t, dir, append(args, "whole", "--threads", "2")...)
			took := time.Since(began)

			args = append(args, "model", "--resume")
			killedAnywhere(t, dir, took/8, append(args, "--threads", "2")...) // perhaps before there is anything to resume
			errs := stopped(t, dir, 130, []os.Signal{os.Interrupt}, append(args, "--threads", "2")...)
			if !strings.Contains(errs, "the same command with --resume goes on") || !strings.Contains(errs, "inkstone: interrupted") {
				t.Errorf("after Ctrl-C standard error is\n%s", errs)
			}
			stopped(t, dir, -1, []os.Signal{syscall.SIGKILL}, append(args, "--threads", "1")...)
			stopped(t, dir, -1, []os.Signal{os.Interrupt, os.Interrupt, os.Interrupt}, append(args, "--threads", "2")...)
			stopped(t, dir, 130, []os.Signal{syscall.SIGTERM}, append(args, "--threads", "1")...)
			for i := range 3 { // to the end, where the folder is written
				killedAnywhere(t, dir, took, append(args, "--threads", []string{"1", "2"}[i%2])...)
			}
			ended(t, dir, append(args, "--threads", "1")...)
			if got, want := fingerprint(t, dir, "model"), fingerprint(t, dir, "whole"); got != want {
				t.Errorf("stopped and resumed: weights %s\nundisturbed: %s", got, want)
			}
			if diff := cmp.Diff(runLog(t, dir, "whole"), runLog(t, dir, "model")); diff != "" {
				t.Errorf("logs (-undisturbed +stopped):\n%s", diff)
			}
		})
	}
}

// ended runs to the end. With --json standard output is one object, of the weights that
// are in the folder; without, a report.
func ended(t *testing.T, dir string, args ...string) {
	t.Helper()
	if !slices.Contains(args, "--json") {
		c, _, errs := command(t, dir, args...)
		if err := c.Run(); err != nil {
			t.Fatalf("%v\n%s", err, errs)
		}
		return
	}
	r := finished(t, dir, args...)
	if got := fingerprint(t, dir, r.Dir); got != r.WeightsSHA || r.Best == nil {
		t.Errorf("%s: the folder's weights are %s, printed was %+v", r.Dir, got, r)
	}
}

// fingerprint is that of a model's weights.
func fingerprint(t *testing.T, dir, model string) string {
	t.Helper()
	sum, err := train.Fingerprint(filepath.Join(dir, model, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// killedAnywhere runs a command and kills it at a random moment within most.
func killedAnywhere(t *testing.T, dir string, most time.Duration, args ...string) {
	t.Helper()
	c, out, errs := command(t, dir, args...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(rand.N(most + 1))
	c.Process.Kill()
	c.Wait()
	if code := c.ProcessState.ExitCode(); code > 0 || code < 0 && out.Len() > 0 && !bytes.HasSuffix(out.Bytes(), []byte("\n")) {
		t.Fatalf("exit code %d, standard output %q\n%s", code, out, errs)
	}
}

// runLog is the log of a run without what the clock has put into it.
func runLog(t *testing.T, dir, model string) []train.Metrics {
	t.Helper()
	log, err := train.ReadMetrics(filepath.Join(dir, model, "run"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range log {
		log[i].Seconds, log[i].TokensPerSecond = 0, 0
	}
	return log
}

// finished runs to the end and returns what the run printed.
func finished(t *testing.T, dir string, args ...string) (r inkstone.Trained) {
	t.Helper()
	c, out, errs := command(t, dir, args...)
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return r
}

// stopped runs until a checkpoint more is there, sends the signals, and expects the
// exit code; −1 stands for a process that a signal ended, or, after two Ctrl-C, for
// one that was fast enough to end by itself.
func stopped(t *testing.T, dir string, want int, signals []os.Signal, args ...string) (stderr string) {
	t.Helper()
	model := filepath.Join(dir, "model", "run")
	before := newest(model)
	c, out, errs := command(t, dir, args...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); newest(model) == before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no checkpoint within 30 seconds")
		}
	}
	for _, s := range signals {
		if err := c.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
	}
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != want && !(len(signals) > 1 && code == 130) {
		t.Fatalf("exit code %d, want %d\n%s", code, want, errs)
	}
	if out.Len() > 0 {
		t.Errorf("a run that was stopped printed %s", out)
	}
	return errs.String()
}

// newest is the path of the newest checkpoint, "" where there is none.
func newest(dir string) string {
	paths, err := train.Checkpoints(dir)
	if err != nil || len(paths) == 0 {
		return ""
	}
	return paths[len(paths)-1]
}

// TestInterruptedGeneration: Ctrl-C ends a stream, whose beginning was printed.
func TestInterruptedGeneration(t *testing.T) {
	dir := longContext(t)
	c, out, errs := command(t, dir, "generate", "--model", "model", "--prompt", "the")
	pipe := &firstWrite{to: out, seen: make(chan struct{}, 1)}
	c.Stdout = pipe
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-pipe.seen:
	case <-time.After(30 * time.Second):
		t.Error("no text within 30 seconds")
	}
	c.Process.Signal(os.Interrupt)
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != 130 || out.Len() == 0 {
		t.Errorf("exit code %d with %d bytes of text, want 130 with some\n%s", code, out.Len(), errs)
	}
}

// TestInterruptedConversion: Ctrl-C while weights are written leaves nothing of them, and what was there.
func TestInterruptedConversion(t *testing.T) {
	dir := t.TempDir()
	largeModel(t, filepath.Join(dir, "model"))
	for _, args := range [][]string{
		{"quantize", "model", "small.gguf", "--threads", "1"},
		{"quantize", "model", "small.gguf", "--threads", "1", "--shard-size", "2M"},
	} {
		c, out, errs := command(t, dir, args...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(30 * time.Second); len(temporaries(t, dir)) == 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("no temporary file within 30 seconds")
			}
		}
		c.Process.Signal(os.Interrupt)
		c.Wait()
		left, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if code := c.ProcessState.ExitCode(); code != 130 || out.Len() > 0 || len(left) != 1 || len(temporaries(t, dir)) > 0 {
			t.Errorf("%q: exit code %d, left are %v\n%s", args, code, left, errs)
		}
	}
}

func temporaries(t *testing.T, dir string) (found []string) {
	t.Helper()
	for _, pattern := range []string{".*.inkstone-tmp", "*/.*.inkstone-tmp"} {
		f, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, f...)
	}
	return found
}

// largeModel writes a model whose weights, nought all of them, take seconds to write in another form; its own file is
// a hole.
func largeModel(t *testing.T, dir string) {
	t.Helper()
	const C, F, L = 1024, 4096, 8
	config := fmt.Sprintf(`{"model_type":"llama","vocab_size":256,"hidden_size":%d,"intermediate_size":%d,"num_hidden_layers":%d,"num_attention_heads":16,"tie_word_embeddings":true}`, C, F, L)
	header, at := map[string]any{}, 0
	tensor := func(name string, shape ...int) {
		n := 4
		for _, d := range shape {
			n *= d
		}
		header[name+".weight"] = map[string]any{"dtype": "F32", "shape": shape, "data_offsets": []int{at, at + n}}
		at += n
	}
	tensor("model.embed_tokens", 256, C)
	tensor("model.norm", C)
	for i := range L {
		h := fmt.Sprintf("model.layers.%d.", i)
		for _, name := range words("q,k,v,o") {
			tensor(h+"self_attn."+name+"_proj", C, C)
		}
		tensor(h+"mlp.gate_proj", F, C)
		tensor(h+"mlp.up_proj", F, C)
		tensor(h+"mlp.down_proj", C, F)
		tensor(h+"input_layernorm", C)
		tensor(h+"post_attention_layernorm", C)
	}
	head, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "model.safetensors")
	for _, err := range []error{
		os.Mkdir(dir, 0o777),
		os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o666),
		os.WriteFile(file, append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...), 0o666),
		os.Truncate(file, int64(8+len(head)+at)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// firstWrite says when the first bytes came.
type firstWrite struct {
	to   *bytes.Buffer
	seen chan struct{}
}

func (w *firstWrite) Write(b []byte) (int, error) {
	select {
	case w.seen <- struct{}{}:
	default:
	}
	return w.to.Write(b)
}

// longContext has a model whose window takes far longer to fill than a test lasts.
func longContext(t *testing.T) (dir string) {
	t.Helper()
	dir = runFolder(t)
	config := `{"depth": 1, "width": 16, "heads": 2, "context": 64, "rows": 4, "steps": 40, "tokenizer": "byte", "eval_every": 40, "checkpoint_every": 40}`
	if err := os.WriteFile(filepath.Join(dir, "long.json"), []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	finished(t, dir, "train", "--data", "book.txt", "--config", "long.json", "--out", "model", "--json")
	path := filepath.Join(dir, "model", "config.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b = bytes.Replace(b, []byte(`"max_position_embeddings": 64`), []byte(`"max_position_embeddings": 200000`), 1)
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestInterruptedWhileReading sends Ctrl-C to verbs that wait for their input, which
// no context can end: they end all the same, and leave nothing.
func TestInterruptedWhileReading(t *testing.T) {
	dir := runFolder(t)
	for _, args := range [][]string{
		{"train", "--data", "-", "--out", "new"},
		{"tokenizer", "train", "--vocab", "300", "--out", "new", "-"},
		{"tokenizer", "encode", "--tokenizer", "gpt2"},
		{"quickstart", "--text", "-", "--out", "new"},
	} {
		if args[1] == "encode" {
			args[3] = byteTokenizer(t, dir)
		}
		c, _, errs := command(t, dir, args...)
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := in.Write(make([]byte, 1<<20)); err != nil { // more than a pipe holds: when it is written, somebody reads
			t.Fatal(err)
		}
		c.Process.Signal(os.Interrupt)
		err = c.Wait()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 130 || !strings.Contains(errs.String(), "inkstone: interrupted") {
			t.Errorf("%q: %v, want exit code 130\n%s", args, err, errs)
		}
		if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
			t.Fatalf("%q left something", args)
		}
	}
}

// byteTokenizer writes a tokenizer of bytes and returns its file's name.
func byteTokenizer(t *testing.T, dir string) string {
	t.Helper()
	c, _, errs := command(t, dir, "tokenizer", "train", "--kind", "byte", "--out", "byte.json", "book.txt")
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	return "byte.json"
}
