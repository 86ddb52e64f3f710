package corpus

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// IDX is the form of MNIST (LeCun, Cortes, Burges): two bytes 0, one for the type (8:
// unsigned bytes), one for the number of dimensions, the dimensions as big-endian 32-bit
// numbers, the values with the last dimension fastest.
const (
	idxImages = 0x00000803
	idxLabels = 0x00000801
)

// isIDX says whether a file that starts so is an IDX file of any type.
func isIDX(start []byte) bool {
	return len(start) >= 4 && start[0] == 0 && start[1] == 0 && start[2] >= 8 && start[2] <= 14 && start[3] >= 1 && start[3] <= 4
}

// readIDX reads a whole file that has the magic number, and as many dimensions as its
// last byte says.
func readIDX(r io.Reader, magic uint32) (dims []int, values []byte, err error) {
	header := make([]byte, 4+4*(magic&0xff))
	n, err := io.ReadFull(r, header)
	if got := binary.BigEndian.Uint32(header); n >= 4 && got != magic {
		return nil, nil, fmt.Errorf("byte 0: the magic number is 0x%08x, not 0x%08x%s", got, magic, idxKind(got))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the header of %d bytes ends at byte %d: %w", len(header), n, err)
	}
	size := 1
	for at := 4; at < len(header); at += 4 {
		d := int(binary.BigEndian.Uint32(header[at:]))
		if d == 0 {
			return nil, nil, fmt.Errorf("byte %d: dimension %d is 0", at, at/4)
		}
		dims = append(dims, d)
	}
	if len(dims) == 3 {
		if dims[1] > maxPicture || dims[2] > maxPicture || dims[1]*dims[2] > maxPicture {
			return nil, nil, fmt.Errorf("byte 8: pictures of %d × %d; the limit is %d pixels", dims[1], dims[2], maxPicture)
		}
		size = dims[1] * dims[2]
	}
	size *= dims[0] // below 2^32 × 2^26
	// Not allocated from the header alone: that may be wrong by gigabytes.
	values, err = io.ReadAll(io.LimitReader(r, int64(size)+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("after byte %d: %w", len(header)+len(values), err)
	case len(values) < size:
		return nil, nil, fmt.Errorf("the dimensions %v need %d bytes, the file ends at byte %d", dims, len(header)+size, len(header)+len(values))
	case len(values) > size:
		return nil, nil, fmt.Errorf("the dimensions %v need %d bytes, the file goes on at byte %d", dims, len(header)+size, len(header)+size)
	}
	return dims, values, nil
}

func idxKind(magic uint32) string {
	switch {
	case magic == idxImages:
		return "; it is a file of pictures"
	case magic == idxLabels:
		return "; it is a file of labels, which is given after its pictures"
	case magic&0xffffff00 == idxImages&0xffffff00:
		return fmt.Sprintf("; it has %d dimensions", magic&0xff)
	}
	return ""
}

// idx reads the pictures of the first path with their labels, of the second path or of
// the file beside it.
func (c *collector) idx(paths []string) (used int, err error) {
	dims, values, err := readIDXFile(paths[0], idxImages)
	if err != nil {
		return 0, err
	}
	used, labels, err := c.idxLabels(paths, dims[0])
	if err != nil {
		return 0, err
	}
	n := dims[1] * dims[2]
	for i := range dims[0] {
		name := fmt.Sprintf("%s: item %d", paths[0], i+1)
		if err := c.add(name, labels[i], greyPicture(values[i*n:(i+1)*n], dims[1], dims[2])); err != nil {
			return 0, err
		}
	}
	return used, nil
}

// greyPicture copies (H, W) into a picture.
func greyPicture(values []uint8, h, w int) *image.RGBA {
	pic := image.NewRGBA(image.Rect(0, 0, w, h))
	for i, v := range values {
		pic.Pix[4*i], pic.Pix[4*i+1], pic.Pix[4*i+2], pic.Pix[4*i+3] = v, v, v, 255
	}
	return pic
}

// idxLabels finds the n labels of the first path's pictures, each "" where there is no file of them.
func (c *collector) idxLabels(paths []string, n int) (used int, labels []string, err error) {
	used, labels = 1, make([]string, n)
	path := labelsBeside(paths[0])
	if len(paths) > 1 {
		if start, err := peek(paths[1]); err == nil && bytes.HasPrefix(start, []byte{0, 0, 8, 1}) {
			used, path = 2, paths[1]
		}
	}
	if path == "" {
		c.unlabelled.add(paths[0])
		return used, labels, nil
	}
	dims, values, err := readIDXFile(path, idxLabels)
	if err != nil {
		return 0, nil, err
	}
	if dims[0] != n {
		return 0, nil, fmt.Errorf("%s has %d labels and %s has %d pictures", path, dims[0], paths[0], n)
	}
	last := 9
	for i, v := range values {
		labels[i], last = strconv.Itoa(int(v)), max(last, int(v))
	}
	for class := range last + 1 {
		c.declared = append(c.declared, strconv.Itoa(class))
	}
	return used, labels, nil
}

// labelsBeside is the file of labels that belongs to one of pictures by its name,
// gzipped or not; "": there is none.
func labelsBeside(images string) string {
	dir, base := filepath.Split(images)
	name := strings.Replace(strings.Replace(base, "images", "labels", 1), "idx3", "idx1", 1)
	plain := strings.TrimSuffix(name, ".gz")
	for _, try := range []string{name, plain, plain + ".gz"} {
		if _, err := os.Stat(dir + try); err == nil && try != base {
			return dir + try
		}
	}
	return ""
}

func readIDXFile(path string, magic uint32) (dims []int, values []byte, err error) {
	r, err := openUnzipped(path)
	if err == nil {
		defer r.Close()
		dims, values, err = readIDX(r, magic)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return dims, values, nil
}

// peek reads the first bytes of a file, of what is in it where it is gzipped.
func peek(path string) ([]byte, error) {
	r, err := openUnzipped(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	start := make([]byte, 16)
	n, err := io.ReadFull(r, start)
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // short, which its reader will say better
	}
	return start[:n], err
}

// unzipped reads from an open file what is in it.
type unzipped struct {
	io.Reader
	io.Closer
}

func openUnzipped(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	b := bufio.NewReaderSize(f, 1<<16)
	u := unzipped{b, f}
	if start, _ := b.Peek(2); string(start) == "\x1f\x8b" {
		if u.Reader, err = gzip.NewReader(b); err != nil {
			f.Close()
			return nil, err
		}
	}
	return u, nil
}
