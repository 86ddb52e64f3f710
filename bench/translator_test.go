//go:build unix

package bench_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/seq2seq"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// translatorRun is what both sides of TestTranslatorBesidePyTorch train on.
type translatorRun struct {
	LR        float64        `json:"lr"`
	Warmup    float64        `json:"warmup"`
	Steps     int            `json:"steps"`
	Smoothing float32        `json:"smoothing"`
	Clip      float64        `json:"clip"`
	End       int32          `json:"end"`
	Batches   [][][2][]int32 `json:"batches"`
}

// A speed is tokens per second, by the clock and by the processor's time, which says
// more on a machine that does other work beside.
type speed struct {
	Clock     float64 `json:"clock"`
	Processor float64 `json:"processor"`
}

// measured is the speed of the median of ten steps, after two.
func measured(t *testing.T, d *tensor.Device, precision tensor.DType, s *train.Stepper) speed {
	t.Helper()
	var clock, processor []float64
	began, used := time.Now(), processorSeconds(t)
	_, err := train.Run(t.Context(), train.Config{Device: d, Steps: 12, Precision: precision, Progress: func(train.Metrics) {
		now, then := time.Now(), processorSeconds(t)
		clock = append(clock, float64(s.Tokens)/now.Sub(began).Seconds())
		processor = append(processor, float64(s.Tokens)/(then-used))
		began, used = now, then
	}}, s)
	if err != nil {
		t.Fatal(err)
	}
	clock, processor = clock[2:], processor[2:]
	slices.Sort(clock)
	slices.Sort(processor)
	return speed{clock[len(clock)/2], processor[len(processor)/2]}
}

// processorSeconds is what this process has used so far.
func processorSeconds(t *testing.T) float64 {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// TestTranslatorBesidePyTorch compares the Transformer (256 wide, 3 + 3 layers) with
// PyTorch's: from the same weights, on the same batches of sentence pairs, the losses
// of as many steps as INKSTONE_PEER_STEPS says; and the tokens per second of training
// steps, turn and turn about. It runs where that variable is set, and fails without PyTorch:
//
//	INKSTONE_PEER_STEPS=2000 go test ./bench -run TestTranslatorBesidePyTorch -v -timeout 0
//
// INKSTONE_PEER_THREADS is the number of threads of both, 2 if it is not set;
// INKSTONE_PEER_PYTHON an interpreter other than /usr/bin/python3; INKSTONE_PEER_DEVICE where PyTorch's
// losses are computed, "cuda" for one, "cpu" if it is not set.
func TestTranslatorBesidePyTorch(t *testing.T) {
	steps, _ := strconv.Atoi(os.Getenv("INKSTONE_PEER_STEPS"))
	if steps == 0 {
		t.Skip("a measurement of minutes: INKSTONE_PEER_STEPS is not set")
	}
	python := cmp.Or(os.Getenv("INKSTONE_PEER_PYTHON"), "/usr/bin/python3")
	if err := exec.Command(python, "-c", "import torch").Run(); err != nil {
		t.Fatal("INKSTONE_PEER_STEPS asks for PyTorch, and there is none: ", err)
	}
	pairs, err := corpus.Pairs(nil, testkit.Data(t, "mt-tatoeba-en-zh/en-zh.tsv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.TrainBPE(func(yield func(string) bool) {
		for _, p := range pairs {
			if !yield(p.Source) || !yield(p.Target) {
				return
			}
		}
	}, tokenizer.TrainOptions{Vocab: 8192, Split: tokenizer.GPT2, Special: []string{"<end>"}})
	if err != nil {
		t.Fatal(err)
	}
	end, _ := tok.ID("<end>")
	const rows = 64
	data, err := seq2seq.NewPairs(tok, pairs, end, 256, rows, 1)
	if err != nil {
		t.Fatal(err)
	}
	threads := 2
	if n, err := strconv.Atoi(os.Getenv("INKSTONE_PEER_THREADS")); err == nil {
		threads = n
	}
	d := tensor.CPU(threads)
	defer d.Close()
	build := func(dropout float32) model.EncoderDecoder {
		m, err := seq2seq.New(seq2seq.Config{Architecture: "transformer", Vocab: tok.Size(), Context: 256, Width: 256,
			EncoderLayers: 3, DecoderLayers: 3, Heads: 4, Dropout: dropout})
		if err != nil {
			t.Fatal(err)
		}
		nn.Init(m, d, 1)
		for _, p := range nn.Params(m) {
			p.Tensor.SetTrainable(true)
		}
		return m
	}
	run := translatorRun{LR: 1e-3, Warmup: 0.2, Steps: steps, Smoothing: 0.1, Clip: 1, End: end}
	stepper := func(m model.EncoderDecoder, loss func(s *tensor.Step, index, micro int) (*tensor.Tensor, error), tokens int) *train.Stepper {
		return &train.Stepper{
			Groups:   train.AdamWGroups(nn.Params(m), train.AdamW{Beta2: 0.98, Eps: 1e-9}, run.LR, 0),
			Schedule: train.Schedule{Shape: train.Noam, Warmup: run.Warmup}, Clip: run.Clip, Tokens: tokens, Loss: loss,
		}
	}
	script := filepath.Join(testkit.ModuleRoot(), "bench", "peers", "seq2seq.py")
	peer := func(into any, m model.EncoderDecoder, r translatorRun, args ...string) {
		dir := t.TempDir()
		if err := model.Save(dir, m, model.Generation{}); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "batches.json"), b, 0o666); err != nil {
			t.Fatal(err)
		}
		c := exec.Command(python, append([]string{script, args[0], dir}, args[1:]...)...)
		c.Env = append(os.Environ(), fmt.Sprint("OMP_NUM_THREADS=", threads), fmt.Sprint("OPENBLAS_NUM_THREADS=", threads),
			"MALLOC_MMAP_THRESHOLD_=4294967295", "MALLOC_TRIM_THRESHOLD_=17179869184", "MALLOC_TOP_PAD_=268435456")
		c.Stderr = os.Stderr
		out, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, into); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("speed", func(t *testing.T) {
		even := run // sentences of equal lengths: nothing for PyTorch to pad
		var batch [][2][]int32
		for i := range rows {
			source, target := make([]int32, 16), make([]int32, 15)
			for j := range source {
				source[j] = int32(1 + (i*31+j*7)%8000)
			}
			for j := range target {
				target[j] = int32(1 + (i*17+j*11)%8000)
			}
			batch = append(batch, [2][]int32{source, target})
		}
		even.Batches = [][][2][]int32{batch}
		best := map[string]speed{}
		note := func(name string, s speed) {
			b := best[name]
			best[name] = speed{max(b.Clock, s.Clock), max(b.Processor, s.Processor)}
		}
		for range 3 {
			for _, precision := range []tensor.DType{tensor.F32, tensor.BF16} {
				m := build(0.1)
				var said speed
				peer(&said, m, even, "speed", "--steps", "10", "--precision", precision.String(), "--threads", strconv.Itoa(d.Threads()))
				note("PyTorch", said)
				s := stepper(m, seq2seq.BatchLoss(batch, end, 0.1, m), rows*32)
				note("Inkstone", measured(t, d, precision, s))
			}
		}
		ours, theirs := best["Inkstone"], best["PyTorch"]
		t.Logf("tokens per second of a step on %d threads, the best of three medians and of f32 and bf16: %.0f, PyTorch's %.0f: %.2f ×",
			d.Threads(), ours.Clock, theirs.Clock, ours.Clock/theirs.Clock)
		t.Logf("per second of the processor's time: %.0f, PyTorch's %.0f: %.2f ×", ours.Processor, theirs.Processor, ours.Processor/theirs.Processor)
	})
	t.Run("losses", func(t *testing.T) {
		m := build(0)
		for i := range steps {
			run.Batches = append(run.Batches, data.Batch(i))
		}
		var theirs struct {
			Losses []float64 `json:"losses"`
		}
		peer(&theirs, m, run, "losses", "--threads", strconv.Itoa(threads), "--device", cmp.Or(os.Getenv("INKSTONE_PEER_DEVICE"), "cpu"))
		var ours []float64
		s := stepper(m, nil, rows*20)
		if _, err := data.Teach(s, m, run.Smoothing, train.Adversary{}); err != nil {
			t.Fatal(err)
		}
		if _, err := train.Run(t.Context(), train.Config{Device: d, Steps: steps, Progress: func(x train.Metrics) { ours = append(ours, x.Loss) }}, s); err != nil {
			t.Fatal(err)
		}
		last := func(x []float64) (mean float64) {
			n := min(100, len(x)/2)
			for _, v := range x[len(x)-n:] {
				mean += v / float64(n)
			}
			return mean
		}
		a, b := last(ours), last(theirs.Losses)
		t.Logf("first losses %.6f and %.6f; mean of the last: %.5f, PyTorch's %.5f, %+.3f %%", ours[0], theirs.Losses[0], a, b, 100*(a/b-1))
		if math.Abs(a/b-1) > 0.02 {
			t.Errorf("the losses after %d steps differ by more than 2 %%", steps)
		}
	})
}
