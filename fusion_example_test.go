package inkstone_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
)

// A model learns two classes from pictures, sounds and names together, and tells a sound
// alone.
func ExampleTrainFusion() {
	dir, err := os.MkdirTemp("", "fusion")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for i := range 32 {
		class := []string{"lying", "standing"}[i%2]
		if err := writeBar(filepath.Join(dir, "bars", class, fmt.Sprintf("%02d.png", i)), class, i); err != nil {
			log.Fatal(err)
		}
		speaker := i / 2 % 3
		wav := fmt.Sprintf("%s_%d_%d.wav", class, speaker, i)
		if err := writeWAV(filepath.Join(dir, "hums", wav), tone(class, speaker, i%4)); err != nil {
			log.Fatal(err)
		}
	}
	trained, err := inkstone.TrainFusion(context.Background(), inkstone.FusionOptions{
		Data: []string{filepath.Join(dir, "bars"), filepath.Join(dir, "hums")}, Out: filepath.Join(dir, "model"),
		Settings: inkstone.FusionSettings{
			Fusion: "mean", Names: map[string][]string{"lying": {"lying", "卧"}, "standing": {"standing", "立"}},
			Noise: &corpus.TripleNoise{Sound: 0.2, Typing: 0.1}, Depth: 1, Stage: 4, Width: 16, Frames: 8, Mels: 8, Rows: 16, Steps: 80, LR: 0.01,
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	m, err := inkstone.LoadFusion(trained.Dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	said, err := m.Say([]inkstone.Shown{{Sound: filepath.Join(dir, "hums", "standing_2_11.wav")}}, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(said[0].Classes[0].Class, said[0].Used)
	// Output:
	// standing [sound]
}
