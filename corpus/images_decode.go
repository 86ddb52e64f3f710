package corpus

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
)

// A pictureFormat is a kind of file, known by how it begins. Frames counts pictures in a
// whole file without unpacking them; nil: the format has one.
type pictureFormat struct {
	name   string
	magic  string // ? stands for any byte
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	frames func([]byte) (int, error)
}

var pictureFormats = []pictureFormat{
	{"PNG", "\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode, pngFrames},
	{"JPEG", "\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode, nil},
	{"GIF", "GIF8?a", gif.DecodeConfig, gif.Decode, gifFrames},
	{"BMP", "BM????\x00\x00\x00\x00", bmp.DecodeConfig, bmp.Decode, nil},
	{"WebP", "RIFF????WEBP", webp.DecodeConfig, webp.Decode, webpFrames},
}

// formatOf is the format of a file that starts so, nil: none.
func formatOf(start []byte) *pictureFormat {
	for i, f := range pictureFormats {
		if f.begins(start) {
			return &pictureFormats[i]
		}
	}
	return nil
}

func (f *pictureFormat) begins(start []byte) bool {
	if len(start) < len(f.magic) {
		return false
	}
	for i := range f.magic {
		if f.magic[i] != '?' && f.magic[i] != start[i] {
			return false
		}
	}
	return true
}

// file reads and adds one picture.
func (c *collector) file(name, label string, read func() ([]byte, error)) error {
	data, err := read()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	pic, err := decodePicture(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if deepPNG(data) {
		c.deep.add(name)
	}
	if turned(data) {
		c.turned.add(name)
	}
	return c.add(name, label, pic)
}

// decodePicture unpacks a picture onto white. Its size and frames are known before a
// pixel is.
func decodePicture(data []byte) (*image.RGBA, error) {
	f := formatOf(data)
	if f == nil {
		return nil, fmt.Errorf("its first bytes %q are of no PNG, JPEG, GIF, BMP or WebP", data[:min(len(data), 12)])
	}
	fail := func(err error) error {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("the %s is cut off: it ends at byte %d", f.name, len(data))
		}
		return fmt.Errorf("damaged %s: %w", f.name, err)
	}
	config, err := f.config(bytes.NewReader(data))
	if err != nil {
		return nil, fail(err)
	}
	if w, h := config.Width, config.Height; w <= 0 || h <= 0 || w > maxPicture/h {
		return nil, fmt.Errorf("%d × %d pixels; at least 1 is a picture, and the limit is %d", h, w, maxPicture)
	}
	if f.frames != nil {
		n, err := f.frames(data)
		if err != nil {
			return nil, fail(err)
		}
		if n != 1 {
			return nil, fmt.Errorf("a %s of %d frames; a picture has one", f.name, n)
		}
	}
	img, err := f.decode(bytes.NewReader(data))
	if err != nil {
		return nil, fail(err)
	}
	pic := image.NewRGBA(image.Rect(0, 0, config.Width, config.Height))
	draw.Draw(pic, pic.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(pic, img.Bounds(), img, img.Bounds().Min, draw.Over) // a GIF's frame may be smaller than its canvas
	return pic, nil
}

// deepPNG says whether a file is a PNG of 16 bits a value (IHDR's bit depth).
func deepPNG(data []byte) bool {
	return bytes.HasPrefix(data, []byte(pictureFormats[0].magic)) && len(data) > 24 && data[24] == 16
}

// pngFrames reads the number of frames from the chunk acTL, which an animated PNG has
// before its first IDAT (PNG, third edition, 11.3.6.1).
func pngFrames(data []byte) (int, error) {
	for at := 8; at+12 <= len(data); {
		size, kind := int(binary.BigEndian.Uint32(data[at:])), string(data[at+4:at+8])
		switch {
		case kind == "IDAT":
			return 1, nil
		case kind == "acTL" && size >= 4:
			return int(binary.BigEndian.Uint32(data[at+8:])), nil
		}
		at += 12 + size
	}
	return 0, io.ErrUnexpectedEOF
}

// gifFrames counts the image descriptors among a GIF's blocks (GIF89a specification,
// appendix B).
func gifFrames(data []byte) (n int, err error) {
	table := func(flags byte) int { // bytes of a colour table
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (flags&7 + 1)
	}
	if len(data) < 13 {
		return 0, io.ErrUnexpectedEOF
	}
	for at := 13 + table(data[10]); at < len(data); {
		switch kind := data[at]; kind {
		case ',': // an image
			if at+10 > len(data) {
				return 0, io.ErrUnexpectedEOF
			}
			n++
			at = afterBlocks(data, at+10+table(data[at+9])+1)
		case '!': // an extension
			at = afterBlocks(data, at+2)
		case ';':
			return n, nil
		default:
			return 0, fmt.Errorf("byte %d: no block begins with 0x%02x", at, kind)
		}
	}
	return 0, io.ErrUnexpectedEOF
}

// afterBlocks goes over sub-blocks, each with its length before it, up to the empty one.
func afterBlocks(data []byte, at int) int {
	for at < len(data) && data[at] != 0 {
		at += 1 + int(data[at])
	}
	return at + 1
}

// webpFrames counts the ANMF chunks of an animation (RFC 9649, section 2.7.1.1); a WebP
// without one is one picture.
func webpFrames(data []byte) (n int, err error) {
	for at := 12; at+8 <= len(data); {
		if string(data[at:at+4]) == "ANMF" {
			n++
		}
		size := int(binary.LittleEndian.Uint32(data[at+4:]))
		at += 8 + size + size&1
	}
	return max(n, 1), nil
}
