package corpus

import (
	"archive/zip"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
)

// WriteZip writes the pictures as PNG files, which lose nothing, in a zip with a folder for
// each class, or at its top where there are no labels: what [ReadImages] reads again. The
// same pictures give the same bytes.
func (m *Images) WriteZip(w io.Writer) error {
	z := zip.NewWriter(w)
	for i := range m.Len() {
		name := fmt.Sprintf("%06d.png", i)
		if m.Labels != nil {
			name = m.Classes[m.Labels[i]] + "/" + name
		}
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store}) // PNG is packed already
		if err != nil {
			return err
		}
		if err := png.Encode(f, m.picture(i)); err != nil {
			return fmt.Errorf("corpus: picture %d: %w", i, err)
		}
	}
	return z.Close()
}

// WritePNG writes picture i, which loses nothing.
func (m *Images) WritePNG(w io.Writer, i int) error { return png.Encode(w, m.picture(i)) }

// picture is number i as Go knows pictures.
func (m *Images) picture(i int) image.Image {
	frame, pixels := image.Rect(0, 0, m.W, m.H), m.Image(i)
	if m.C == 1 {
		return &image.Gray{Pix: pixels, Stride: m.W, Rect: frame}
	}
	p := image.NewRGBA(frame)
	for at := range m.H * m.W {
		p.SetRGBA(at%m.W, at/m.W, color.RGBA{pixels[3*at], pixels[3*at+1], pixels[3*at+2], 255})
	}
	return p
}

// WithoutEmpty leaves out classes that have no picture, the others keep their order, and
// returns the names of those. Without one it returns m.
func (m *Images) WithoutEmpty() (_ *Images, empty []string) {
	count := make([]int, len(m.Classes))
	for _, l := range m.Labels {
		count[l]++
	}
	part, number := *m, make([]int32, len(count))
	part.Classes, part.Labels = nil, nil
	for k, n := range count {
		if n == 0 {
			empty = append(empty, m.Classes[k])
			continue
		}
		number[k] = int32(len(part.Classes))
		part.Classes = append(part.Classes, m.Classes[k])
	}
	if empty == nil {
		return m, nil
	}
	for _, l := range m.Labels {
		part.Labels = append(part.Labels, number[l])
	}
	return &part, empty
}
