package inkstone

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/plot"
)

// A Place is where a word lies in a picture of [Vectors.Plot].
type Place struct {
	Word string  `json:"word"`
	X    float64 `json:"x"`
	Y    float64 `json:"y"`
}

// Plot draws words where their unit vectors lie along the first two principal
// components of these words, and writes the picture to path, .svg or .png. title may be "".
//
// Errors: a word without a vector, fewer than three words, another ending.
func (v *Vectors) Plot(words []string, title, path string) ([]Place, error) {
	ending := strings.ToLower(filepath.Ext(path))
	if ending != ".svg" && ending != ".png" {
		return nil, fmt.Errorf("vectors: %s: a picture is .svg or .png", path)
	}
	xy, share, err := v.Project(words)
	if err != nil {
		return nil, err
	}
	line := plot.Line{Labels: words}
	places := make([]Place, len(words))
	for i, p := range xy {
		places[i] = Place{words[i], p[0], p[1]}
		line.X, line.Y = append(line.X, p[0]), append(line.Y, p[1])
	}
	c := &plot.Chart{
		Title: title, Lines: []plot.Line{line},
		X: plot.Scale{Name: fmt.Sprintf("first component (%.0f %% of the variance)", 100*share[0])},
		Y: plot.Scale{Name: fmt.Sprintf("second component (%.0f %%)", 100*share[1])},
	}
	draw := c.WriteSVG
	if ending == ".png" {
		draw = c.WritePNG
	}
	return places, format.WriteFile(path, func(w io.Writer) error { return draw(w) })
}
