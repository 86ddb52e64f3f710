package speech_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/speech"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// sound is a small setting of three words.
func sound() speech.Sound {
	return speech.Sound{Rate: 8000, Mels: 9, Channels: []int{3, 4}, Classes: []string{"a", "b", "c"}}
}

func ctc(t testing.TB, d *tensor.Device, c speech.Sound) *speech.CTC {
	t.Helper()
	m, err := speech.NewCTC(speech.CTCConfig{Sound: c, Hidden: 5, Layers: 2})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 1)
	return m
}

// recordings are energies of different lengths.
func recordings(M int, lengths ...int) (all [][]float32) {
	for i, n := range lengths {
		x := make([]float32, n*M)
		for j := range x {
			x[j] = float32(math.Sin(float64(j*(i+1)) * 0.7))
		}
		all = append(all, x)
	}
	return all
}

// TestPaddingChangesNothing: what a recording gives beside longer and shorter ones is what it gives
// alone, bit for bit: forward in both models, and in training, where the loss of a batch is the mean.
func TestPaddingChangesNothing(t *testing.T) {
	d := tensor.CPU(2)
	defer d.Close()
	c := sound()
	m := ctc(t, d, c)
	cnn, err := speech.NewCNN(speech.CNNConfig{Sound: c})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(cnn, d, 2)
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	all := recordings(9, 1, 30, 7, 64, 13, 30)
	words := [][]int32{{}, {0, 1}, {2}, {1, 1, 0}, {0}, {2, 2}}
	s.Begin(0)
	batch := speech.Stack(all, 9)
	z, starts := m.Logits(s, batch)
	together, classes, loss := z.Floats(), cnn.Logits(s, batch).Floats(), m.Loss(s, batch, words).Item()
	sum := 0.0
	for i, x := range all {
		s.Begin(0)
		alone, ends := m.Logits(s, speech.Stack([][]float32{x}, 9))
		if want := (len(x)/9 + 3) / 4; int(ends[1]) != want {
			t.Errorf("recording %d: %d rows of %d frames, want %d", i, ends[1], len(x)/9, want)
		}
		testkit.SameBits(t, "logits", together[starts[i]*4:starts[i+1]*4], alone.Floats())
		testkit.SameBits(t, "classes", classes[i*3:i*3+3], cnn.Logits(s, speech.Stack([][]float32{x}, 9)).Floats())
		sum += float64(m.Loss(s, speech.Stack([][]float32{x}, 9), words[i:i+1]).Item()) / float64(len(all))
	}
	testkit.Close(t, "loss", []float64{float64(loss)}, []float64{sum}, 1e-6, 0)
}

// TestEnergiesDoNotKnowLoudness: a recording at a fifth of its loudness is the same to a model.
func TestEnergiesDoNotKnowLoudness(t *testing.T) {
	l := ctc(t, tensor.Reference(), sound()).Sound().Listener()
	loud, quiet := make([]float32, 2000), make([]float32, 2000)
	for i := range loud {
		loud[i] = float32(math.Sin(float64(i*i)*1e-4) + 0.1*math.Sin(float64(i)*1.3))
		quiet[i] = 0.2 * loud[i]
	}
	x := l.Frames(loud)
	testkit.Close(t, "energies", l.Frames(quiet), x, 1e-3, 1e-3)
	if len(x) != 9*24 || slices.Max(x) < 1 {
		t.Errorf("%d energies up to %g", len(x), slices.Max(x))
	}
}

// TestSilence: a recording of nothing gives zeros, no NaN.
func TestSilence(t *testing.T) {
	l := ctc(t, tensor.Reference(), sound()).Sound().Listener()
	testkit.SameBits(t, "energies", l.Frames(make([]float32, 100)), make([]float32, 9))
}

// TestSaveLoad: what is read computes what was written.
func TestSaveLoad(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	m := ctc(t, d, sound())
	dir := t.TempDir()
	if err := model.SaveEncoder(dir, m); err != nil {
		t.Fatal(err)
	}
	o, err := model.Open[*speech.CTC](dir, d)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	b := speech.Stack(recordings(9, 30), 9)
	want, _ := m.Logits(s, b)
	got, _ := o.Model.Logits(s, b)
	testkit.SameBits(t, "logits", got.Floats(), want.Floats())
}

func TestConfigRefuses(t *testing.T) {
	tests := []struct {
		change func(c *speech.CTCConfig)
		want   string
	}{
		{func(c *speech.CTCConfig) { c.Rate = 0 }, "rate 0"},
		{func(c *speech.CTCConfig) { c.Rate = 1 << 24 }, "sampling_rate 16777216"},
		{func(c *speech.CTCConfig) { c.Rate = 1 << 40 }, "rate 1099511627776"},
		{func(c *speech.CTCConfig) { c.Window = math.MaxInt }, "window 9223372036854775807"},
		{func(c *speech.CTCConfig) { c.Mels = 1 << 40 }, "1099511627776 filters"},
		{func(c *speech.CTCConfig) { c.Mels = -1 }, "-1 filters"},
		{func(c *speech.CTCConfig) { c.Channels = nil }, "0 convolutions, want 1 to 10"},
		{func(c *speech.CTCConfig) { c.Channels = make([]int, 11) }, "11 convolutions"},
		{func(c *speech.CTCConfig) { c.Channels = []int{4, 0} }, "conv_channels [4 0]"},
		{func(c *speech.CTCConfig) { c.Channels = []int{1 << 20} }, "want 1 to 16384 for each"},
		{func(c *speech.CTCConfig) { c.Dropout = 1 }, "hidden_dropout_prob 1 is not in [0, 1)"},
		{func(c *speech.CTCConfig) { c.Dropout = float32(math.NaN()) }, "hidden_dropout_prob NaN"},
		{func(c *speech.CTCConfig) { c.Classes = nil }, "classes has 0 words"},
		{func(c *speech.CTCConfig) { c.Hidden = 0 }, "hidden_size 0"},
		{func(c *speech.CTCConfig) { c.Layers = 1000 }, "num_hidden_layers 1000"},
	}
	for _, tt := range tests {
		c := speech.CTCConfig{Sound: sound(), Hidden: 4, Layers: 1}
		tt.change(&c)
		if _, err := speech.NewCTC(c); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
	one := sound()
	one.Classes = []string{"a"}
	if _, err := speech.NewCNN(speech.CNNConfig{Sound: one}); err == nil || !strings.Contains(err.Error(), `the word "a" alone`) {
		t.Errorf("one word: %v", err)
	}
}

// TestStackRefuses: a recording without a frame would have no end to read.
func TestStackRefuses(t *testing.T) {
	for _, x := range [][][]float32{{nil}, {{1, 2}, {1, 2, 3}}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v makes a batch", x)
				}
			}()
			speech.Stack(x, 2)
		}()
	}
}
