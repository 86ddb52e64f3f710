package train_test

import (
	"testing"

	"github.com/inkstone-ai/inkstone/train"
)

func TestDepth(t *testing.T) {
	tests := []struct {
		depth, vocab                  int
		width, heads, hidden, context int
		parameters, batch             int64
		leastSteps, mostSteps         int
	}{
		{2, 1024, 128, 2, 384, 256, 2*(4*128*128+3*128*384+2*128) + 128 + 1024*128, 4096, 1000, 4000},
		{4, 8192, 256, 4, 704, 256, 4*(4*256*256+3*256*704+2*256) + 256 + 8192*256, 16384, 5000, 20000},
		{12, 32768, 768, 12, 2048, 1024, 12*(4*768*768+3*768*2048+2*768) + 768 + 32768*768, 1 << 16, 20000, 60000},
	}
	for _, tt := range tests {
		r, err := train.Depth(tt.depth, tt.vocab)
		if err != nil {
			t.Fatal(err)
		}
		if r.Width != tt.width || r.Heads != tt.heads || r.Hidden != tt.hidden || r.Context != tt.context || r.Heads*r.HeadDim != r.Width {
			t.Errorf("depth %d: %+v", tt.depth, r)
		}
		if got := r.Parameters(tt.vocab); got != tt.parameters || r.Tokens != 20*got {
			t.Errorf("depth %d: %d parameters and %d tokens, want %d and 20 for each", tt.depth, got, r.Tokens, tt.parameters)
		}
		if batch := int64(r.Rows * r.Micro * r.Context); batch != tt.batch || r.Rows*r.Context > 8192 {
			t.Errorf("depth %d: batch %d of %d × %d rows, want %d", tt.depth, batch, r.Micro, r.Rows, tt.batch)
		}
		if n := r.Steps(); n < tt.leastSteps || n > tt.mostSteps {
			t.Errorf("depth %d: %d steps, want %d to %d", tt.depth, n, tt.leastSteps, tt.mostSteps)
		}
	}
}

func TestDepthRates(t *testing.T) {
	narrow, err1 := train.Depth(2, 100)
	wide, err2 := train.Depth(8, 100)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if narrow.LR != 2*wide.LR || narrow.MuonLR != wide.MuonLR {
		t.Errorf("rates %g and %g at depth 2, %g and %g at depth 8: want half of AdamW's at four times the width, and the same of Muon's",
			narrow.LR, narrow.MuonLR, wide.LR, wide.MuonLR)
	}
}

func TestDepthFor(t *testing.T) {
	r, err := train.Depth(2, 100)
	if err != nil {
		t.Fatal(err)
	}
	if same, short := r.For(r.Tokens / 4); short || same != r {
		t.Errorf("a corpus that is read four times changed the recipe to %+v", same)
	}
	few, short := r.For(r.Tokens / 100)
	if want := r.Tokens / 100 * 4; !short || few.Tokens != want || few.Rows*few.Micro >= r.Rows*r.Micro || few.Width != r.Width {
		t.Errorf("a small corpus gave %+v, want %d tokens in smaller batches", few, want)
	}
}

func TestDepthErrors(t *testing.T) {
	for _, args := range [][2]int{{0, 100}, {97, 100}, {2, 0}, {-1, 1}} {
		if _, err := train.Depth(args[0], args[1]); err == nil {
			t.Errorf("Depth(%d, %d) gave no error", args[0], args[1])
		}
	}
}
