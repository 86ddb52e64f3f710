package lstm_test

import (
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/lstm"
)

// TestPaperSizes counts the parameters of Zaremba et al. 2014's small, medium and large
// models: 10,000 words, two layers, a head that is not tied; PyTorch's cells have two
// biases where the paper's have one.
func TestPaperSizes(t *testing.T) {
	for hidden, want := range map[int]int{
		200:  2*10_000*200 + 2*(8*200*200+8*200),
		650:  2*10_000*650 + 2*(8*650*650+8*650),
		1500: 2*10_000*1500 + 2*(8*1500*1500+8*1500),
	} {
		m, err := lstm.NewLSTM(lstm.Config{Vocab: 10_000, Hidden: hidden, Layers: 2})
		if err != nil {
			t.Fatal(err)
		}
		if got := model.Parameters(m); got != want {
			t.Errorf("%d channels: %d parameters, want %d", hidden, got, want)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	tests := []struct{ config, says string }{
		{`{"model_type":"lstm","hidden_size":4,"num_hidden_layers":1}`, "vocab_size is 0"},
		{`{"model_type":"gru","vocab_size":4,"num_hidden_layers":1}`, "hidden_size is 0"},
		{`{"model_type":"rnn","vocab_size":4,"hidden_size":4,"num_hidden_layers":-1}`, "num_hidden_layers is -1"},
		{`{"model_type":"lstm","vocab_size":4,"hidden_size":1000000,"num_hidden_layers":1}`, "hidden_size is 1000000"},
		{`{"model_type":"lstm","vocab_size":4,"hidden_size":4,"num_hidden_layers":1,"dropout":1}`, "dropout is 1"},
		{`{"model_type":"lstm","vocab_size":"four"}`, "vocab_size"},
	}
	for _, tt := range tests {
		if _, err := model.Build([]byte(tt.config)); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: error %v, want %q", tt.config, err, tt.says)
		}
	}
	if _, err := lstm.New("qrnn", lstm.Config{}); err == nil || !strings.Contains(err.Error(), "there are rnn, lstm and gru") {
		t.Errorf("an unknown kind: %v", err)
	}
}

// FuzzConfig looks for a config.json that panics.
func FuzzConfig(f *testing.F) {
	f.Add(`{"model_type":"lstm","vocab_size":4,"hidden_size":4,"num_hidden_layers":1}`)
	f.Add(`{"model_type":"gru","vocab_size":4,"hidden_size":4,"num_hidden_layers":2,"dropout":0.5,"tie_word_embeddings":true}`)
	f.Fuzz(func(t *testing.T, config string) {
		if m, err := model.Build([]byte(config)); err == nil && model.Parameters(m) < 1 {
			t.Errorf("a model without parameters from %s", config)
		}
	})
}
