package inkstone

import (
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/model/gpt"
)

// TestUnapplied: what a config asks of training and does not get is said.
func TestUnapplied(t *testing.T) {
	tests := []struct {
		config any
		want   []string // the key of each note
	}{
		{gpt.GPT2Config{ResidualDropout: 0.1}, nil},
		{gpt.GPT2Config{AttentionDropout: 0.1}, []string{"attn_pdrop"}},
		{gpt.Qwen3MoEConfig{RouterLoss: true}, []string{"output_router_logits"}},
		{gpt.MixtralConfig{}, nil},
		{gpt.MixtralConfig{RouterLoss: true, Jitter: 0.1}, []string{"output_router_logits", "router_jitter_noise"}},
	}
	for _, tt := range tests {
		var got []string
		for _, note := range unapplied(tt.config) {
			key, _, _ := strings.Cut(note, " ")
			got = append(got, key)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%T %+v: notes of %v, want %v", tt.config, tt.config, got, tt.want)
		}
	}
}
