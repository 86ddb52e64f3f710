package inkstone

import (
	"context"
	"io"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/internal/plot"
	"github.com/inkstone-ai/inkstone/model/unet"
	"github.com/inkstone-ai/inkstone/tensor"
)

// WriteFilled writes a PNG: pictures with their holes in a middle grey above them filled. One
// picture alone is written as it is when filled.
func (m *Inpainter) WriteFilled(ctx context.Context, w io.Writer, pictures *corpus.Images, holes []uint8) error {
	made, err := m.Fill(ctx, pictures, holes)
	if err != nil {
		return err
	}
	if made.Len() == 1 {
		return made.WritePNG(w, 0)
	}
	return writeRows(w, nil, greyed(pictures, holes), made)
}

// WriteRedrawn writes a PNG: pictures above what the model makes of them. Of one picture alone
// that is written as it is.
func (m *Pix2Pix) WriteRedrawn(ctx context.Context, w io.Writer, pictures *corpus.Images) error {
	made, err := m.Redraw(ctx, pictures)
	if err != nil {
		return err
	}
	if made.Len() == 1 {
		return made.WritePNG(w, 0)
	}
	return writeRows(w, nil, pictures, made)
}

// writeSamples writes held-out pictures as they are given, as they are made and as they are.
func (t *pictureTraining) writeSamples(w io.Writer, d *tensor.Device) error {
	ctx := context.Background()
	beside := []string{"given", "made", "true"}
	part := some(t.held, mostDrawn)
	if m, ok := t.model.(*unet.Pix2Pix); ok {
		given, real, err := part.Halves()
		if err != nil {
			return err
		}
		made, err := redraw(ctx, d, m, given)
		if err != nil {
			return err
		}
		return writeRows(w, beside, given, made, real)
	}
	holes, err := t.settings.holes(part.Len(), heldStream)
	if err != nil {
		return err
	}
	made, err := fill(ctx, d, t.model.(*unet.Inpaint), part, holes)
	if err != nil {
		return err
	}
	return writeRows(w, beside, greyed(part, holes), made, part)
}

// greyed are pictures whose holes are a middle grey.
func greyed(pictures *corpus.Images, holes []uint8) *corpus.Images {
	seen := *pictures
	seen.Pixels = append([]uint8(nil), pictures.Pixels...)
	for i := range seen.Pixels {
		if holes[i/seen.C] != 0 {
			seen.Pixels[i] = 128
		}
	}
	return &seen
}

// writeRows writes a PNG with a row of each, in lines of at most twelve columns.
func writeRows(w io.Writer, beside []string, rows ...*corpus.Images) error {
	const most = 12
	n := rows[0].Len()
	g := plot.Grid{Columns: min(n, most), Scale: max(1, 56/max(rows[0].H, rows[0].W))}
	for at := 0; at < n; at += most {
		for r, m := range rows {
			if beside != nil {
				g.Beside = append(g.Beside, beside[r])
			}
			for i := at; i < at+g.Columns; i++ {
				var p plot.Picture
				if i < n {
					p = plot.Picture{H: m.H, W: m.W, C: m.C, Pixels: m.Image(i)}
				}
				g.Pictures = append(g.Pictures, p)
			}
		}
	}
	return g.WritePNG(w)
}
