package model

import (
	"fmt"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A Classifier tells classes of images apart.
type Classifier interface {
	// Features returns what the classes are told from, (B, F), of images (B, H, W, C) of
	// numbers from 0 to 1, on s. training says that norms go by the batch and remember it.
	Features(s *tensor.Step, x *tensor.Tensor, training bool) *tensor.Tensor
	// Logits returns (B, K), the scores of classes, of Features.
	Logits(features *tensor.Tensor) *tensor.Tensor
	// Images tells what images the model reads, and its classes.
	Images() ImageShape
	// Config returns what is written to config.json: a struct that JSON encodes.
	Config() any
}

// An ImageShape is the height, width and channels of a model's images, and the names of
// the classes it tells apart.
type ImageShape struct {
	H, W, C int
	Classes []string
}

// ImportImages is an [Importer]'s Import for filters: files have PyTorch's order of
// dimensions, (out, in, KH, KW) or, transposed, (in, out, KH, KW).
func ImportImages(t format.Tensor) (format.Tensor, error) { return reorder(t, false) }

// ExportImages undoes ImportImages.
func ExportImages(t format.Tensor) (format.Tensor, error) { return reorder(t, true) }

// reorder moves the last dimension of a filter (A, KH, KW, B) to the second place, or the
// second of (A, B, KH, KW) to the last.
func reorder(t format.Tensor, export bool) (format.Tensor, error) {
	if len(t.Shape) != 4 {
		return t, nil
	}
	a, rows, cols := t.Shape[0], t.Shape[1]*t.Shape[2], t.Shape[3] // to be transposed
	shape := []int{a, t.Shape[3], t.Shape[1], t.Shape[2]}
	if !export {
		rows, cols = t.Shape[1], t.Shape[2]*t.Shape[3]
		shape = []int{a, t.Shape[2], t.Shape[3], t.Shape[1]}
	}
	if t.Data != nil {
		size := len(t.Data) / max(1, a*rows*cols)
		if size*a*rows*cols != len(t.Data) {
			return t, fmt.Errorf("%d bytes of shape %v", len(t.Data), t.Shape)
		}
		data := make([]byte, len(t.Data))
		for i := range a {
			part := i * rows * cols
			for r := range rows {
				for c := range cols {
					copy(data[(part+c*rows+r)*size:][:size], t.Data[(part+r*cols+c)*size:])
				}
			}
		}
		t.Data = data
	}
	t.Shape = shape
	return t, nil
}
