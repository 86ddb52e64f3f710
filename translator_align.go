package inkstone

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// An Alignment shows where a decoder looked: Weights[i][j] is how much of token i of
// the target came from token j of the source; each row adds up to 1. Both end with
// the end token.
type Alignment struct {
	Source  []string    `json:"source"`
	Target  []string    `json:"target"`
	Weights [][]float32 `json:"weights"`
}

// Align translates a source greedily and returns the weights of its attention: of a
// Transformer the last layer's, averaged over the heads. A model with a fixed vector
// has none, which is an error.
func (t *Translator) Align(ctx context.Context, source string) (*Alignment, error) {
	m, ok := t.loaded.Model.(model.Aligner)
	if !ok {
		return nil, fmt.Errorf("align: %s knows its source by one vector: it has no attention to show", t.dir)
	}
	found, err := t.Translate(ctx, []string{source}, TranslateOptions{})
	if err != nil {
		return nil, err
	}
	from := append(t.tok.Encode(strings.TrimSpace(source)), t.end)
	to := append(found[0].Hypotheses[0].IDs, t.end)
	s := tensor.NewStep(t.device, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var sourcePass, targetPass nn.Pass
	sourcePass.Set(s, from, nn.Span{Rows: len(from)})
	targetPass.Set(s, append([]int32{t.end}, to[:len(to)-1]...), nn.Span{Rows: len(to)})
	weights := m.Align(&sourcePass, &targetPass).Floats()
	a := &Alignment{Source: t.spell(from), Target: t.spell(to)}
	for i := range to {
		a.Weights = append(a.Weights, weights[i*len(from):][:len(from)])
	}
	return a, nil
}

// spell writes tokens one by one.
func (t *Translator) spell(ids []int32) (tokens []string) {
	for _, id := range ids {
		tokens = append(tokens, t.tok.Decode([]int32{id}))
	}
	return tokens
}

// WritePNG draws the weights to the file at path: a column for each token of the
// source, a row for each of the target, dark where the weight is high.
func (a *Alignment) WritePNG(path string) error {
	const cell = 24 // pixels
	picture := image.NewGray(image.Rect(0, 0, cell*len(a.Source), cell*len(a.Target)))
	for y := range picture.Rect.Dy() {
		for x := range picture.Rect.Dx() {
			shade := 255 - 255*a.Weights[y/cell][x/cell]
			if x%cell == 0 || y%cell == 0 {
				shade = 0.9 * shade // a line between the cells
			}
			picture.SetGray(x, y, color.Gray{Y: uint8(min(max(shade, 0), 255))})
		}
	}
	return format.WriteFile(path, func(w io.Writer) error { return png.Encode(w, picture) })
}
