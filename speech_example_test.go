package inkstone_test

import (
	"context"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
)

// A small classifier learns to tell tones that rise from tones that fall, by two voices, and names
// those of a third.
func ExampleTrainSpeech() {
	dir, err := os.MkdirTemp("", "speech")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for k, speaker := range []string{"ann", "bob", "eve"} {
		for i := range 8 {
			word, slope := "up", 1.0
			if i%2 == 1 {
				word, slope = "down", -1
			}
			x, phase := make([]float32, 1200+80*i), 0.0
			for j := range x {
				phase += 2 * math.Pi * (1 + 0.1*float64(k)) * (1200 + 1200*slope*(float64(j)/float64(len(x))-0.5)) / 8000
				x[j] = float32(0.3 * math.Sin(phase))
			}
			f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%s_%s_%d.wav", word, speaker, i)))
			if err != nil {
				log.Fatal(err)
			}
			if err := corpus.WriteWAV(f, 8000, x); err != nil {
				log.Fatal(err)
			}
			if err := f.Close(); err != nil {
				log.Fatal(err)
			}
		}
	}
	trained, err := inkstone.TrainSpeech(context.Background(), inkstone.SpeechOptions{
		Data: []string{dir}, Out: filepath.Join(dir, "model"),
		Settings: inkstone.SpeechSettings{Model: "audio-cnn", Unheard: []string{"eve"}, Depth: 2, Width: 4, Mels: 20, Rows: 8, Steps: 60, LR: 0.01},
	})
	if err != nil {
		log.Fatal(err)
	}
	m, err := inkstone.LoadSpeech(trained.Dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	sounds, err := m.Read(nil, filepath.Join(dir, "down_eve_1.wav"), filepath.Join(dir, "up_eve_2.wav"))
	if err != nil {
		log.Fatal(err)
	}
	said, err := m.Classify(context.Background(), sounds, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(said[0][0].Class, said[1][0].Class)
	// Output:
	// down up
}
