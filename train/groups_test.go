package train_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/train"
)

// Which weights decay, and which are Muon's: by name, so that a role that changes
// is seen.
func TestGroups(t *testing.T) {
	llama, err := gpt.NewLlama(gpt.LlamaConfig{Vocab: 10, Context: 8, Layers: 1, Width: 8, Hidden: 8, Heads: 2, AttentionBias: true})
	if err != nil {
		t.Fatal(err)
	}
	gpt2, err := gpt.NewGPT2(gpt.GPT2Config{Vocab: 10, Context: 8, Layers: 1, Width: 8, Heads: 2, Tied: true})
	if err != nil {
		t.Fatal(err)
	}
	matrices := []string{"layers.0.self_attn.q_proj.weight", "layers.0.self_attn.k_proj.weight", "layers.0.self_attn.v_proj.weight",
		"layers.0.self_attn.o_proj.weight", "layers.0.mlp.gate_proj.weight", "layers.0.mlp.up_proj.weight", "layers.0.mlp.down_proj.weight"}
	tests := []struct {
		name   string
		groups []train.Group
		want   []string // names in the first group, what is before the layers left out
	}{
		{"llama, AdamW", train.AdamWGroups(nn.Params(llama), train.AdamW{}, 1, 2), append(matrices[:7:7], "lm_head.weight")},
		{"llama, Muon", train.MuonGroups(nn.Params(llama), train.Muon{}, 3, train.AdamW{}, 1, 2), matrices},
		{"gpt2, AdamW", train.AdamWGroups(nn.Params(gpt2), train.AdamW{}, 1, 2),
			[]string{"h.0.attn.c_attn.weight", "h.0.attn.c_proj.weight", "h.0.mlp.c_fc.weight", "h.0.mlp.c_proj.weight"}},
	}
	for _, tt := range tests {
		var got []string
		n := 0
		for _, p := range tt.groups[0].Params {
			got = append(got, strings.TrimPrefix(strings.TrimPrefix(p.Name, "model."), "transformer."))
		}
		for _, g := range tt.groups {
			n += len(g.Params)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: first group (-want +got):\n%s", tt.name, diff)
		}
		if tt.groups[0].Decay != 2 || tt.groups[1].Decay != 0 || tt.groups[1].LR != 1 {
			t.Errorf("%s: decay %g and %g, rate %g", tt.name, tt.groups[0].Decay, tt.groups[1].Decay, tt.groups[1].LR)
		}
		if all := len(nn.Params(llama)); strings.HasPrefix(tt.name, "llama") && n != all {
			t.Errorf("%s: %d parameters in groups, the model has %d", tt.name, n, all)
		}
	}
}

func TestFingerprint(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	seen := map[string]bool{}
	for _, paths := range [][]string{{}, {file("abc", "abc")}, {file("ab", "ab"), file("c", "c")}, {file("c", "c"), file("ab", "ab")}, {file("a", "a"), file("bc", "bc")}} {
		sum, err := train.Fingerprint(paths...)
		if err != nil || len(sum) != 64 || seen[sum] {
			t.Errorf("%v: %q, %v, want 64 digits of its own", paths, sum, err)
		}
		seen[sum] = true
		if again, _ := train.Fingerprint(paths...); again != sum {
			t.Errorf("%v: %q and %q", paths, sum, again)
		}
	}
	if _, err := train.Fingerprint(filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}
