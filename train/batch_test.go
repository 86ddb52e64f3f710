package train_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/train"
)

func TestNormalize(t *testing.T) {
	parts := []*train.Batch{
		{IDs: []int32{1, 2}, Targets: []int32{2, 3}},
		{IDs: []int32{4, 5}, Targets: []int32{5, 6}, Weights: []float32{0, 6}},
	}
	if got := train.Normalize(parts...); got != 8 {
		t.Errorf("the weights summed to %g, want 8", got)
	}
	got := [][]float32{parts[0].Weights, parts[1].Weights}
	if diff := cmp.Diff([][]float32{{0.125, 0.125}, {0, 0.75}}, got); diff != "" {
		t.Errorf("weights (-want +got):\n%s", diff)
	}
	defer func() {
		if recover() == nil {
			t.Error("weights of nothing did not panic")
		}
	}()
	train.Normalize(&train.Batch{IDs: []int32{1}, Targets: []int32{1}, Weights: []float32{0}})
}

func TestBatchCheck(t *testing.T) {
	ids := []int32{1, 2, 3}
	tests := []struct {
		name  string
		batch train.Batch
		says  string
	}{
		{"plain", train.Batch{IDs: ids, Targets: ids}, ""},
		{"full", train.Batch{IDs: ids, Targets: ids, Weights: []float32{1, 0, 1}, Lengths: []int{1, 2}}, ""},
		{"empty", train.Batch{}, "no tokens"},
		{"targets", train.Batch{IDs: ids, Targets: ids[:2]}, "3 tokens, 2 targets"},
		{"weights", train.Batch{IDs: ids, Targets: ids, Weights: []float32{1}}, "3 tokens, 1 weights"},
		{"lengths", train.Batch{IDs: ids, Targets: ids, Lengths: []int{1, 1}}, "sequences of 2 together"},
		{"no length", train.Batch{IDs: ids, Targets: ids, Lengths: []int{3, 0}}, "a sequence of 0 tokens"},
	}
	for _, tt := range tests {
		err := tt.batch.Check()
		if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.says)
		}
	}
}
