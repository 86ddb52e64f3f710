package corpus

import (
	"fmt"
	"image"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/image/draw"
)

// A collector brings pictures to one size and number of channels as they come.
type collector struct {
	Images
	o ImageOptions

	labels   []string // of each picture, "" for none
	declared []string // classes that exist even where no picture is of them

	resized, deep, turned, coloured, skipped, unlabelled tally
}

// A tally counts what Notice will hear of.
type tally struct {
	n     int
	first string
}

func (t *tally) add(what string) {
	if t.n++; t.n == 1 {
		t.first = what
	}
}

func newCollector(o ImageOptions) *collector {
	return &collector{Images: Images{H: o.H, W: o.W, C: max(1, o.Channels)}, o: o}
}

// add appends a picture, which is opaque and begins at (0, 0).
func (c *collector) add(name, label string, pic *image.RGBA) error {
	size := pic.Bounds().Size()
	if c.H == 0 {
		c.H = size.Y
	}
	if c.W == 0 {
		c.W = size.X
	}
	if !grey(pic) {
		c.coloured.add(name)
		if c.o.Channels == 0 {
			c.colour()
		}
	}
	if size != image.Pt(c.W, c.H) {
		c.resized.add(fmt.Sprintf("%s (%d × %d)", name, size.Y, size.X))
		small := image.NewRGBA(image.Rect(0, 0, c.W, c.H))
		draw.CatmullRom.Scale(small, small.Bounds(), pic, pic.Bounds(), draw.Src, nil)
		pic = small
	}
	if more := c.H * c.W * c.C; len(c.Pixels) > maxPictures-more {
		return fmt.Errorf("%s: %d pictures of %d × %d × %d before it take all of %d GiB: give a smaller size", name, c.Len(), c.H, c.W, c.C, maxPictures>>30)
	}
	c.Pixels = appendPixels(c.Pixels, pic, c.C, c.o.Invert)
	c.Names, c.labels = append(c.Names, name), append(c.labels, label)
	return nil
}

// grey says whether all pixels have equal channels.
func grey(pic *image.RGBA) bool {
	for i := 0; i < len(pic.Pix); i += 4 {
		if pic.Pix[i] != pic.Pix[i+1] || pic.Pix[i] != pic.Pix[i+2] {
			return false
		}
	}
	return true
}

// colour makes three channels of what was grey up to now.
func (c *collector) colour() {
	if c.C == 3 {
		return
	}
	c.C = 3
	wide := make([]uint8, 0, 3*len(c.Pixels))
	for _, v := range c.Pixels {
		wide = append(wide, v, v, v)
	}
	c.Pixels = wide
}

// appendPixels appends a picture's (H, W, channels).
func appendPixels(dst []uint8, pic *image.RGBA, channels int, invert bool) []uint8 {
	flip := uint8(0)
	if invert {
		flip = 255 // v ^ 255 is 255 - v
	}
	for i := 0; i < len(pic.Pix); i += 4 {
		r, g, b := pic.Pix[i], pic.Pix[i+1], pic.Pix[i+2]
		if channels == 3 {
			dst = append(dst, r^flip, g^flip, b^flip)
		} else {
			dst = append(dst, luma(r, g, b)^flip)
		}
	}
	return dst
}

// luma is 0.299 r + 0.587 g + 0.114 b (ITU-R BT.601), with the constants and the
// rounding of image/color.
func luma(r, g, b uint8) uint8 {
	return uint8((19595*0x101*uint32(r) + 38470*0x101*uint32(g) + 7471*0x101*uint32(b) + 1<<15) >> 24)
}

// images numbers the labels.
func (c *collector) images() (*Images, error) {
	with := slices.IndexFunc(c.labels, func(l string) bool { return l != "" })
	without := slices.Index(c.labels, "")
	switch {
	case with >= 0 && without >= 0:
		return nil, fmt.Errorf("%s has the label %q and %s has none: all pictures have one, or none has", c.Names[with], c.labels[with], c.Names[without])
	case with < 0 && c.o.Classes != nil:
		return nil, fmt.Errorf("%s has no label, and none of the %d pictures has one; they are asked for", c.Names[0], c.Len())
	case with < 0:
		return &c.Images, nil
	}
	if c.Classes = slices.Clone(c.o.Classes); c.Classes == nil {
		c.Classes = sortClasses(append(c.declared, c.labels...))
	}
	number := map[string]int32{}
	for i, class := range c.Classes {
		number[class] = int32(i)
	}
	for i, label := range c.labels {
		n, ok := number[label]
		if !ok {
			return nil, fmt.Errorf("%s has the label %q, which is none of the %d classes %s", c.Names[i], label, len(c.Classes), some(c.Classes))
		}
		c.Labels = append(c.Labels, n)
	}
	return &c.Images, nil
}

// sortClasses sorts and removes the doubles: by number where all are numbers, so that
// class 10 of an IDX file stands at 10.
func sortClasses(classes []string) []string {
	slices.Sort(classes)
	classes = slices.Compact(classes)
	for _, c := range classes {
		if n, err := strconv.Atoi(c); err != nil || strconv.Itoa(n) != c {
			return classes
		}
	}
	slices.SortFunc(classes, func(a, b string) int {
		m, _ := strconv.Atoi(a)
		n, _ := strconv.Atoi(b)
		return m - n
	})
	return classes
}

// some is a list's beginning.
func some(list []string) string {
	const few = 8
	if len(list) <= few {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:few], ", ") + " …"
}

// tell says what was changed or left out.
func (c *collector) tell() {
	if c.o.Notice == nil {
		return
	}
	say := func(t tally, format string, args ...any) {
		if t.n > 0 {
			c.o.Notice(fmt.Sprintf(format, append([]any{t.n}, args...)...))
		}
	}
	say(c.skipped, "left out what is no picture (PNG, JPEG, GIF, BMP, WebP) or is hidden: %d, the first %s", c.skipped.first)
	say(c.resized, "resized to %[2]d × %[3]d: %[1]d of %[4]d pictures, the first %[5]s", c.H, c.W, c.Len(), c.resized.first)
	say(c.deep, "16 bits a value became 8: %d of %d pictures, the first %s", c.Len(), c.deep.first)
	say(c.turned, "the camera's note that a picture is turned (Exif orientation) is not applied: %d of %d pictures, the first %s", c.Len(), c.turned.first)
	if c.o.Channels == 0 && c.coloured.n < c.Len() {
		say(c.coloured, "in colour: %d of %d pictures, the first %s; so all have 3 channels", c.Len(), c.coloured.first)
	}
	say(c.unlabelled, "no labels: %d IDX files, the first %s", c.unlabelled.first)
}
