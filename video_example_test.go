package inkstone_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/inkstone-ai/inkstone"
)

// A model of clips learns from bars that move through frames of 16 × 16, and goes on with a clip better than
// its last frame does; then it makes a clip of its own, of a bar that stands and moves downward.
func ExampleTrainVideo() {
	dir, err := os.MkdirTemp("", "video")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	bars := filepath.Join(dir, "bars")
	if err := writeBars(bars); err != nil {
		log.Fatal(err)
	}
	trained, err := inkstone.TrainVideo(context.Background(), inkstone.VideoOptions{
		Data: []string{bars}, Out: filepath.Join(dir, "model"),
		Settings: inkstone.VideoSettings{Side: 16, Frames: 6, Width: 8, Global: 32, Hidden: 32, Rows: 8, DigitRows: 16, Steps: 200, LR: 1e-2},
	})
	if err != nil {
		log.Fatal(err)
	}
	v, err := inkstone.LoadVideo(trained.Dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	pictures, err := v.Read(nil, bars)
	if err != nil {
		log.Fatal(err)
	}
	clips, err := v.Clips(pictures, 1)
	if err != nil {
		log.Fatal(err)
	}
	m, err := v.Evaluate(context.Background(), clips, 64, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("nearer to what comes than the last frame:", m.Model.SquaredError[2] < m.Copy.SquaredError[2])
	made, err := v.Generate([]inkstone.ClipWish{{Class: "standing", Direction: 90, Seed: 1}}, 4)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(made[0])/(16*16), "frames")
	// Output:
	// nearer to what comes than the last frame: true
	// 4 frames
}
