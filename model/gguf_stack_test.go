package model_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A stacked model has two experts that share the name of a tensor.
type stacked struct {
	Embed   nn.Embedding `hf:"embed" gguf:"token_embd"`
	Experts []struct {
		Up nn.Linear `hf:"up" gguf:"blk.0.ffn_up_exps"`
	} `hf:"experts"`
}

type stackedConfig struct {
	Type string `json:"model_type"`
}

func (*stacked) Config() any { return stackedConfig{"stacked"} }

func init() {
	model.RegisterGGUF("stacked", model.GGUF[stackedConfig]{Arch: "stacked", Write: func(stackedConfig, func(string, any)) error { return nil }})
}

func newStacked() *stacked {
	m := &stacked{Embed: nn.NewEmbedding(3, 32), Experts: make([]struct {
		Up nn.Linear `hf:"up" gguf:"blk.0.ffn_up_exps"`
	}, 2)}
	for i := range m.Experts {
		m.Experts[i].Up = nn.NewLinear(32, 5, false)
	}
	return m
}

// TestGGUFStacks: weights that share a name are one tensor in the file, quantised too, and come apart again.
func TestGGUFStacks(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	m := newStacked()
	nn.Init(m, d, 3)
	path := filepath.Join(t.TempDir(), "m.gguf")
	for _, dtype := range []format.DType{"", format.Q8_0} {
		o := model.GGUFOptions{}
		if dtype != "" {
			o.Type = func(format.Tensor) (format.DType, error) { return dtype, nil }
		}
		if err := model.SaveGGUF(path, m, o); err != nil {
			t.Fatal(err)
		}
		g, err := format.OpenGGUF(path)
		if err != nil {
			t.Fatal(err)
		}
		x, _ := g.Tensor("blk.0.ffn_up_exps.weight")
		if diff := cmp.Diff([]int{2, 5, 32}, x.Shape); diff != "" {
			t.Errorf("shape (-want +got):\n%s", diff)
		}
		again := newStacked()
		if err := model.Fill(again, g, d); err != nil {
			t.Fatal(err)
		}
		for i := range m.Experts {
			got, want := again.Experts[i].Up.W.Floats(), m.Experts[i].Up.W.Floats()
			if dtype == "" {
				testkit.SameBits(t, "expert", got, want)
			} else {
				testkit.Close(t, "expert", got, want, 0, 1e-3)
			}
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
	three := newStacked()
	three.Experts = append(three.Experts, three.Experts[0])
	three.Experts[2].Up = nn.NewLinear(32, 5, false)
	g, err := format.OpenGGUF(path)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if err := model.Fill(three, g, d); err == nil || !strings.Contains(err.Error(), "has shape [2 5 32], the model stacks 3 weights in it") {
		t.Errorf("got %v", err)
	}
}
