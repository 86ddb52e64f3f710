package corpus_test

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/corpus"
)

// A clip is a function of the pictures, the seed and its number.
func ExampleMoving() {
	dot := &corpus.Images{H: 1, W: 1, C: 1, Pixels: []uint8{255}, Labels: []int32{0}, Classes: []string{"dot"}}
	m, err := corpus.NewMoving(corpus.Moving{Digits: dot, Side: 5, Frames: 3, Seed: 1})
	if err != nil {
		panic(err)
	}
	clip := m.Clip(0)
	fmt.Println(len(clip.Frames)/25, "frames of", dot.Classes[clip.Digits[0].Label])
	fmt.Println(corpus.Bounce([2]float64{2, 3}, [2]float64{4, 4}, 0, 1, 4)) // to the right, to the wall and back
	// Output:
	// 3 frames of dot
	// [[2 3] [2 4] [2 3] [2 2]]
}
