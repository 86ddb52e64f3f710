package model_test

import (
	"runtime/debug"
	"testing"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestGainsAreCopied: gains and biases outlive the mapping of their file, in which each would hold pages.
func TestGainsAreCopied(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	for name, config := range configs {
		t.Run(name, func(t *testing.T) {
			debug.SetPanicOnFault(true) // of this goroutine: to fail where one is read from the file
			dir := t.TempDir()
			if err := model.Save(dir, fresh(t, d, config), model.Generation{}); err != nil {
				t.Fatal(err)
			}
			l, err := model.Load(dir, d)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			nn.Walk(l.LM, func(p nn.Param) {
				if len(p.Tensor.Shape()) == 1 {
					p.Tensor.Floats()
				}
			})
		})
	}
}
