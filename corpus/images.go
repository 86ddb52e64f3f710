package corpus

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
)

// Images are pictures of one size, with a label each or with none. They are all in
// memory, a byte a value.
//
// Letters: N pictures, H rows, W columns, C channels (1 grey; 3 red, green, blue).
type Images struct {
	H, W, C int
	Pixels  []uint8  // (N, H, W, C), 0 black to 255 white
	Labels  []int32  // (N), places in Classes; nil: there are none
	Classes []string // sorted: by number where all are numbers, else by letters
	Names   []string // (N), where each came from: a file, "archive: file", or "file: item 12" (from 1)
}

// Len is N.
func (m *Images) Len() int { return len(m.Pixels) / max(1, m.H*m.W*m.C) }

// Image is picture i, (H, W, C), a view of Pixels.
func (m *Images) Image(i int) []uint8 {
	n := m.H * m.W * m.C
	return m.Pixels[i*n : (i+1)*n : (i+1)*n]
}

// Digest is the SHA-256 of all that a run learns from: sizes, pixels, labels and the
// names of the classes, but not the places they came from. A run that resumes compares
// it to know that its data are the same.
func (m *Images) Digest() [32]byte {
	h := sha256.New()
	number := func(n int) { h.Write(binary.LittleEndian.AppendUint64(nil, uint64(n))) }
	for _, n := range []int{m.Len(), m.H, m.W, m.C, len(m.Labels), len(m.Classes)} {
		number(n)
	}
	h.Write(m.Pixels)
	h.Write(appendIDs(nil, m.Labels, 4))
	for _, c := range m.Classes {
		number(len(c))
		h.Write([]byte(c))
	}
	return [32]byte(h.Sum(nil))
}

// ImageOptions say what [ReadImages] makes of the pictures. The zero value works.
type ImageOptions struct {
	// H and W are rows and columns; 0: those of the first picture. A picture of another
	// size is resized to them, whatever its proportions (Catmull–Rom, wider where it
	// shrinks), and Notice says so.
	H, W int
	// Channels is 1 or 3; 0: 1 where every pixel of all is grey, else 3. Colour becomes grey
	// by the luma of ITU-R BT.601, as image/color has it.
	Channels int
	Invert   bool // black is white: 255 less the value
	// Classes are those that labels may have, in this order, those of a model for example; nil:
	// those that are found.
	Classes []string
	// Notice is told, a sentence each, what was resized, converted or left out; nil: nobody is.
	Notice func(string)
}

// The limits of what is read. They are far above what models of pictures take, and below
// what a small file that was made to harm would unpack to.
const (
	maxPicture  = 64 << 20             // pixels of one picture
	maxFile     = 4*maxPicture + 1<<20 // bytes of one picture's file: as BMP, 4 a pixel
	maxPictures = 32 << 30             // bytes of all pixels
)

// ReadImages reads pictures, each of paths being
//
//   - an IDX file of pictures (LeCun, MNIST: magic 0x00000803), gzipped or not. Its labels are
//     the next path where that is an IDX file of labels (magic 0x00000801), else the file
//     beside it that has "labels" and "idx1" in its name for "images" and "idx3". Classes are
//     the numbers from 0 to the largest label, at least to 9;
//   - a folder: the label of a picture is the path, from that folder, of the folder it is in;
//     pictures of a folder without folders have no label;
//   - a .zip, .tar, .tar.gz or .tgz of such a folder. Folders at its top that hold nothing but
//     one folder of folders are no part of labels;
//   - a picture, without a label.
//
// A picture is a PNG, JPEG, GIF, BMP or WebP file, known in a folder by its ending. What is
// transparent lies on white, 16 bits a value become 8, and the orientation that a camera
// noted is not applied; Notice hears of the last two. Pictures of a path are in the order of their paths, byte by byte, so
// that a folder and its archive are the same corpus. Hidden files and what is no picture are
// left out, and Notice says how many.
//
// A picture that is damaged, animated or of more than 64 Mpx, a folder without a picture, a
// picture beside folders of classes, labels of another number than pictures or not in
// Classes are errors; each names the file and the fact.
func ReadImages(o ImageOptions, paths ...string) (*Images, error) {
	if err := o.check(paths); err != nil {
		return nil, err
	}
	c := newCollector(o)
	for len(paths) > 0 {
		used, err := c.path(paths)
		if err != nil {
			return nil, fmt.Errorf("corpus: %w", err)
		}
		paths = paths[used:]
	}
	m, err := c.images()
	if err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	c.tell()
	return m, nil
}

func (o ImageOptions) check(paths []string) error {
	switch {
	case len(paths) == 0:
		return fmt.Errorf("corpus: no path given")
	case o.H < 0 || o.W < 0 || o.H > maxPicture || o.W > maxPicture || o.H*o.W > maxPicture:
		return fmt.Errorf("corpus: pictures of %d × %d: a side is at least 1 (0: as the first picture), and all of it at most %d pixels", o.H, o.W, maxPicture)
	case o.Channels != 0 && o.Channels != 1 && o.Channels != 3:
		return fmt.Errorf("corpus: pictures of %d channels: 1 is grey, 3 is colour", o.Channels)
	}
	return nil
}

// path reads the first of paths, and says how many belong to it.
func (c *collector) path(paths []string) (used int, err error) {
	path := paths[0]
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if info.IsDir() {
		return 1, c.listed(listFolder(path))
	}
	switch name := strings.ToLower(path); {
	case strings.HasSuffix(name, ".zip"):
		return 1, c.zip(path)
	case strings.HasSuffix(name, ".tar.gz"), strings.HasSuffix(name, ".tgz"), strings.HasSuffix(name, ".tar"):
		return 1, c.listed(listTar(path))
	}
	start, err := peek(path)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s: %w", path, err)
	case isIDX(start):
		return c.idx(paths)
	case formatOf(start) != nil:
		return 1, c.file(path, "", func() ([]byte, error) { return readFile(path) })
	}
	return 0, fmt.Errorf("%s is no picture (PNG, JPEG, GIF, BMP, WebP), no IDX file and no .zip or .tar.gz of pictures", path)
}
