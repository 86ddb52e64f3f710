package gpt_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
)

// ropePlain is a model of 4 pairs of channels per head without a change of frequencies; ropeWith has one.
const ropePlain = `{"model_type":"llama","vocab_size":96,"max_position_embeddings":64,"hidden_size":32,"num_hidden_layers":1,"intermediate_size":32,"num_attention_heads":4}`

func ropeWith(scaling string) string {
	return strings.Replace(ropePlain, "}", `,"rope_scaling":`+scaling+"}", 1)
}

// ropeFiles are the keys and the tensor of files of others, and what a config.json says instead, of which
// TestEqualsTransformers has the logits. That llama.cpp has the same was seen once by its own program.
var ropeFiles = []struct {
	name    string
	keys    format.Metadata // behind llama.rope.
	factors []float32
	want    string // the config's rope_scaling
}{
	{"no type", format.Metadata{"scaling.factor": float32(4)}, nil, `{"rope_type":"linear","factor":4}`},
	{"the old key", format.Metadata{"scale_linear": float32(4)}, nil, `{"rope_type":"linear","factor":4}`},
	{"both keys", format.Metadata{"scale_linear": float32(3), "scaling.factor": float32(4)}, nil, `{"rope_type":"linear","factor":4}`},
	{"none", format.Metadata{"scaling.type": "none", "scaling.factor": float32(4)}, nil, `null`},
	{"a factor of 0", format.Metadata{"scaling.factor": float32(0)}, nil, `null`},
	{"no factor", format.Metadata{"scaling.type": "linear"}, nil, `null`},
	{"attention alone", format.Metadata{"scaling.attn_factor": float32(0.5)}, nil, `{"rope_type":"longrope","short_factor":[1,1,1,1],"long_factor":[1,1,1,1],"attention_factor":0.5}`},
	{"attention and linear", format.Metadata{"scaling.attn_factor": float32(0.5), "scaling.factor": float32(4)}, nil,
		`{"rope_type":"longrope","short_factor":[4,4,4,4],"long_factor":[4,4,4,4],"attention_factor":0.5}`},
	{"yarn", format.Metadata{"scaling.type": "yarn", "scaling.factor": float32(4)}, nil, `{"rope_type":"yarn","factor":4}`},
	{"yarn with attention", format.Metadata{"scaling.type": "yarn", "scaling.factor": float32(4), "scaling.original_context_length": uint32(16), "scaling.attn_factor": float32(0.5)}, nil,
		`{"rope_type":"yarn","factor":4,"original_max_position_embeddings":16,"attention_factor":0.5693147180559945}`}, // half of 1 + ln(4)/10
	{"factors", nil, []float32{2, 3, 1, 7}, `{"rope_type":"longrope","short_factor":[2,3,1,7],"long_factor":[2,3,1,7],"attention_factor":1}`},
	{"factors and attention", format.Metadata{"scaling.attn_factor": float32(0.5)}, []float32{1, 1, 1, 1}, `{"rope_type":"longrope","short_factor":[1,1,1,1],"long_factor":[1,1,1,1],"attention_factor":0.5}`},
	{"factors of one", nil, []float32{1, 1, 1, 1}, `null`},
}

// TestGGUFRope: keys and tensors of others change the frequencies as in llama.cpp, and what was read goes to a file
// again and comes back the same.
func TestGGUFRope(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	plain := filepath.Join(t.TempDir(), "m.gguf")
	if err := model.SaveGGUF(plain, ggufModel(t, d, ropePlain), model.GGUFOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range ropeFiles {
		t.Run(tt.name, func(t *testing.T) {
			path := changedGGUF(t, plain, func(m format.Metadata) {
				for key, value := range tt.keys {
					m["llama.rope."+key] = value
				}
			}, func(ts []format.Tensor) []format.Tensor {
				if tt.factors == nil {
					return ts
				}
				return append(ts, format.FromF32("rope_freqs.weight", tt.factors, 4))
			})
			l, err := model.Load(path, d)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			want := logitsOf(d, ggufModel(t, d, ropeWith(tt.want)))
			testkit.Close(t, "logits", logitsOf(d, l.LM), want, 0, 1e-5)
			again := filepath.Join(t.TempDir(), "again.gguf")
			if err := model.SaveGGUF(again, l.LM, model.GGUFOptions{}); err != nil {
				t.Fatal(err)
			}
			back, err := model.Load(again, d)
			if err != nil {
				t.Fatal(err)
			}
			defer back.Close()
			testkit.SameBits(t, "logits of what is written again", logitsOf(d, back.LM), logitsOf(d, l.LM))
			if back.LM.Shape().Context != 64 {
				t.Errorf("a context of %d", back.LM.Shape().Context)
			}
		})
	}
}

// TestGGUFRopeWritten: keys that llama.cpp multiplies queries and keys by.
func TestGGUFRopeWritten(t *testing.T) {
	d := tensor.Reference()
	defer d.Close()
	for scaling, want := range map[string]any{
		`{"rope_type":"yarn","factor":4}`:                                                                nil,
		`{"rope_type":"yarn","factor":4,"attention_factor":2}`:                                           float32(2 / 1.138629436),
		`{"rope_type":"yarn","factor":4,"mscale":0.5,"mscale_all_dim":0.5}`:                              float32(1 / 1.138629436),
		`{"rope_type":"linear","factor":4}`:                                                              nil,
		`{"rope_type":"longrope","short_factor":[1,2,3,4],"long_factor":[1,2,3,4],"attention_factor":1}`: nil,
		`{"rope_type":"longrope","short_factor":[1,2,3,4],"long_factor":[1,2,3,4],"attention_factor":3}`: float32(3),
	} {
		path := filepath.Join(t.TempDir(), "m.gguf")
		if err := model.SaveGGUF(path, ggufModel(t, d, ropeWith(scaling)), model.GGUFOptions{}); err != nil {
			t.Fatal(err)
		}
		g, err := format.OpenGGUF(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.Meta()["llama.rope.scaling.attn_factor"]; !cmp.Equal(got, want, cmp.Comparer(func(a, b float32) bool { return a/b > 1-1e-6 && a/b < 1+1e-6 })) {
			t.Errorf("%s: attn_factor %v, want %v", scaling, got, want)
		}
		freqs, ok := g.Tensor("rope_freqs.weight")
		if ok != strings.Contains(scaling, "longrope") {
			t.Errorf("%s: the tensor is there: %v", scaling, ok)
		}
		if f, err := format.F32s(freqs); ok && fmt.Sprint(f, err) != "[1 2 3 4] <nil>" {
			t.Errorf("%s: factors %v, %v", scaling, f, err)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestGGUFRopeOfKin: a change of frequencies that an architecture has not is refused, not left out.
func TestGGUFRopeOfKin(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	for _, tt := range []struct {
		name, key string
		value     any
		want      string
	}{
		{"gemma2", "rope.scaling.factor", float32(2), `rope.scaling.type "linear" with factor 2`},
		{"gemma3", "rope.scaling.attn_factor", float32(2), "rope.scaling.attn_factor is 2"},
		{"phi3", "rope.scale_linear", float32(2), `rope.scaling.type "linear" with factor 2`},
		{"phi3", "rope.scaling.type", "yarn", `rope.scaling.type "yarn"`},
		{"phi3", "rope.scaling.attn_factor", float32(2), "rope.scaling.attn_factor 2 without the tensors"},
		{"phi3-longrope", "rope.scaling.factor", float32(2), `rope.scaling.type "linear" with factor 2`},
	} {
		config := []byte(peers(t)[tt.name].Config)
		if p := ggufPeers[tt.name]; p.key != "" {
			config = with(t, config, p.key, p.value)
		}
		refusesKey(t, d, tt.name, string(config), tt.key, tt.value, tt.want)
	}
}
