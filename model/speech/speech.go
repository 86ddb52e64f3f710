// Package speech holds models of spoken words: [CTC] writes down the words of an utterance,
// [CNN] says which word a recording is. Both read log-mel energies ([mel.Frontend]).
// Importing the package makes their model types known to package model.
//
// Dimensions, in comments throughout:
//
//	B recordings   T frames, of the longest one   M mel filters   C channels   K words
//	N frames of all recordings, end to end, after the convolutions   F features of such a frame
//	H units of a direction of an LSTM   V classes of CTC, K+1
package speech

import (
	"fmt"
	"slices"

	"github.com/inkstone-ai/inkstone/corpus/mel"
	"github.com/inkstone-ai/inkstone/model"
)

func init() {
	model.Register("ctc", NewCTC)
	model.Register("audio-cnn", NewCNN)
}

// A Sound is the part of config.json that both models have: what they hear, the convolutions and
// the words.
type Sound struct {
	Rate     int      `json:"sampling_rate"` // samples a second
	Window   int      `json:"win_length"`    // samples of a frame. 0: 25 ms
	Hop      int      `json:"hop_length"`    // samples from frame to frame. 0: 10 ms
	Mels     int      `json:"num_mel_bins"`  // M. 0: 40
	Channels []int    `json:"conv_channels"` // of each convolution, which halves frames and filters
	Dropout  float32  `json:"hidden_dropout_prob"`
	Classes  []string `json:"classes"` // words
}

// The largest dimensions that a config may ask for; a file of a few bytes must not ask for
// gigabytes.
const (
	mostWidth  = 1 << 14
	mostLayers = 1 << 6
)

// complete fills what is zero and refuses what makes no sense.
func (c *Sound) complete(kind string) error {
	f, err := mel.New(c.options())
	if err != nil {
		return fmt.Errorf("speech: %s config: %w", kind, err)
	}
	o := f.Options()
	c.Window, c.Hop, c.Mels = o.Window, o.Hop, o.Mels
	switch {
	case c.Rate > 1<<20 || c.Window > 1<<16 || c.Mels > 1<<10:
		return fmt.Errorf("speech: %s config: sampling_rate %d, win_length %d, num_mel_bins %d: want at most %d, %d, %d", kind, c.Rate, c.Window, c.Mels, 1<<20, 1<<16, 1<<10)
	case len(c.Channels) == 0 || len(c.Channels) > 10:
		return fmt.Errorf("speech: %s config: conv_channels has %d convolutions, want 1 to 10", kind, len(c.Channels))
	case slices.Min(c.Channels) < 1 || slices.Max(c.Channels) > mostWidth:
		return fmt.Errorf("speech: %s config: conv_channels %v, want 1 to %d for each", kind, c.Channels, mostWidth)
	case !(c.Dropout >= 0 && c.Dropout < 1):
		return fmt.Errorf("speech: %s config: hidden_dropout_prob %g is not in [0, 1)", kind, c.Dropout)
	case len(c.Classes) == 0 || len(c.Classes) > mostWidth:
		return fmt.Errorf("speech: %s config: classes has %d words, want 1 to %d", kind, len(c.Classes), mostWidth)
	}
	return nil
}

func (c *Sound) options() mel.Options {
	return mel.Options{Rate: c.Rate, Window: c.Window, Hop: c.Hop, Mels: c.Mels}
}

// A Listener turns samples into what models read. One goroutine uses it at a time.
type Listener struct{ front *mel.Frontend }

// Listener returns one for the model's setting.
func (c Sound) Listener() *Listener {
	f, err := mel.New(c.options())
	if err != nil {
		panic(err) // complete has made one
	}
	return &Listener{f}
}

// Energies returns those of a recording, (T, M), in nats. Samples are −1 to 1, at the model's rate. Of
// no samples there is no frame.
func (l *Listener) Energies(samples []float32) []float32 { return l.front.LogMel(samples) }

// Frames returns the energies of a recording, standardised: what a model reads.
func (l *Listener) Frames(samples []float32) []float32 {
	x := l.Energies(samples)
	Standardise(x, l.front.Mels())
	return x
}

// A Batch is energies of B recordings, with zeros behind shorter ones.
type Batch struct {
	Frames  []float32 // (B, T, M)
	Lengths []int     // (B) frames of each, 1 or more
	Mels    int       // M
}

// Stack makes a batch of recordings, each (its frames, M). It panics where one has no frame.
func Stack(recordings [][]float32, mels int) Batch {
	b := Batch{Mels: mels}
	for _, x := range recordings {
		if len(x) == 0 || len(x)%mels != 0 {
			panic(fmt.Sprintf("speech: a recording of %d energies of %d filters", len(x), mels))
		}
		b.Lengths = append(b.Lengths, len(x)/mels)
	}
	row := b.T() * mels
	b.Frames = make([]float32, len(recordings)*row)
	for i, x := range recordings {
		copy(b.Frames[i*row:], x)
	}
	return b
}

// T is the frames of the longest recording.
func (b Batch) T() int { return slices.Max(b.Lengths) }
