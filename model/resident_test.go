package model_test

import (
	"runtime"
	"testing"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestCopiesAreNotKept: a GPT-2 folder has its matrices the other way round, so each is copied to be bound. What is in
// the device's memory then does not stay on the heap too.
func TestCopiesAreNotKept(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	m, err := gpt.NewGPT2(gpt.GPT2Config{Vocab: 100, Context: 16, Width: 256, Layers: 2, Heads: 4, Eps: 1e-5})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 1)
	dir := t.TempDir()
	if err := model.Save(dir, m, model.Generation{}); err != nil {
		t.Fatal(err)
	}
	for name, load := range map[string]func(string, *tensor.Device, ...model.Change) (*model.Loaded, error){"Load": model.Load, "LoadForTraining": model.LoadForTraining} {
		before := heap()
		l, err := load(dir, d)
		if err != nil {
			t.Fatal(err)
		}
		if kept := int64(heap()) - int64(before); kept > 1<<20 {
			t.Errorf("%s keeps %d bytes on the heap, of a model of 6.4 MB", name, kept)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// heap is what the garbage collector leaves.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}
