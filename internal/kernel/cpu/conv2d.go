package cpu

import (
	"unsafe"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// Convolutions. A tile lays out the patches of a few positions, no more than stay in the
// second cache, and multiplies them there: patches are written and read where they cost
// least, and never wait in memory. What is the same for all tiles, the filters, is packed
// before.

// convRoom is the number of elements of the patches that a tile lays out at a time.
const convRoom = 1 << 16

// A convolution is the one in progress; the device keeps one and refills it.
type convolution struct {
	imageWindow
	*products
	*arithmetic
	f       *vectors
	y, x    mat // positions (…, O), pixels (…, C)
	taps, O int
	rows    int // positions of a block
	acc     bool

	packed  []float32 // the filters
	partial []float32 // of each group of positions: (taps, O)
	groups  int
	dw      mat
}

// convolve prepares a convolution of so many positions and packs filters w, (O, taps), as
// they are, or transposed.
func (d *device) convolve(y, x, w mat, win kernel.Window, transposed bool, precision kernel.DType) *convolution {
	c := &d.convolution
	packed := c.packed
	*c = convolution{imageWindow: d.imageWindow(win), products: &d.products, arithmetic: &d.products.f32, f: &d.vectors, y: y, x: x, taps: win.Taps(), O: y.Cols, packed: packed}
	if precision == kernel.BF16 && d.bf16.strip != nil {
		c.arithmetic = &d.products.bf16
	}
	c.rows = max(c.height, min(tileRows, convRoom/c.taps)/c.height*c.height)
	if !w.Nil() {
		K, N := c.O, c.taps
		if transposed {
			K, N = N, K
		}
		keep(&c.packed, c.words(K)*roundUp(N, c.width))
		d.tasks.packFilters = packFiltersTask{c, w, transposed, K, N}
		d.parallel(groups(N, packCols), &d.tasks.packFilters)
	}
	return c
}

// packFiltersTask packs a (K, N), or (N, K) with tb.
type packFiltersTask struct {
	*convolution
	b    mat
	tb   bool
	K, N int
}

func (t *packFiltersTask) tile(w *worker, i int) {
	left, right := i*packCols, min(t.N, (i+1)*packCols)
	t.packColumns(t.arithmetic, w, t.packed[left*t.words(t.K):], t.b, t.tb, left, right, 0, t.K)
}

// times sets c (m, n), ldc apart, to a·b, or adds it: a (m, k) of words, b packed. room holds
// m·width floats.
func (v *convolution) times(c []float32, ldc int, a *float32, ars, acs int, b []float32, m, n, k int, acc bool, room []float32) {
	depth := even(k, v.span, 8)
	for from := 0; from < k; from += depth {
		some := min(depth, k-from)
		add := number(acc || from > 0)
		at := &elements(a, from*acs+1)[from*acs]
		for j := 0; j < n; j += v.width {
			panel := &b[j*k+from*v.width]
			if j+v.width <= n {
				v.strip(&c[j], ldc, at, ars, acs, panel, v.width, m, some, add, panel)
				continue
			}
			v.beside(c[j:], ldc, at, ars, acs, panel, m, n-j, some, add, room)
		}
	}
}

// beside is strip for n columns, fewer than a panel.
func (v *convolution) beside(c []float32, ldc int, a *float32, ars, acs int, b *float32, m, n, k, acc int, room []float32) {
	if acc == 1 {
		for i := range m {
			copy(room[i*v.width:][:n], c[i*ldc:])
		}
	}
	product := v.strip
	if n <= v.width/2 {
		product = v.half
	}
	product(&room[0], v.width, a, ars, acs, b, v.width, m, k, acc, b)
	for i := range m {
		copy(c[i*ldc:][:n], room[i*v.width:])
	}
}

// asWords is rows (m, n) as words: where they lie, or packed to room.
func (v *convolution) asWords(room []float32, src *float32, ld, n, m int) (a *float32, ars int) {
	if v.per == 1 {
		return src, ld
	}
	words := v.words(n)
	if ld == v.per*words { // whole words lie side by side: one long line
		v.packLines(room, words*m, src, 0, ld*m, 1)
	} else {
		v.packLines(room, words, src, ld, n, m)
	}
	return &room[0], words
}

// Conv lays out a block of positions and multiplies it with all filters.
func (d *device) Conv(y, x, w mat, win kernel.Window, precision kernel.DType) {
	if kernel.CheckConv("Conv", y, x, w, win); y.Rows == 0 {
		return
	}
	c := d.convolve(y, x, w, win, true, precision)
	d.parallel(groups(y.Rows, c.rows), (*convTiles)(c))
}

type convTiles convolution

func (t *convTiles) tile(w *worker, i int) {
	c := (*convolution)(t)
	from := i * c.rows
	m := min(c.rows, c.y.Rows-from)
	y := kernel.Elements[float32](c.y.Buf)[c.y.Index(from, 0):]
	a, beside := c.patches(w, from, m)
	k := c.words(c.taps)
	c.times(y, c.y.Stride, a, k, 1, c.packed, m, c.O, k, c.acc, beside)
}

// pixelLines are the lines of pixels, of all images one after the other, that m positions see.
func (c *convolution) pixelLines(position, m int) (first, last int) {
	w, width := &c.w, len(c.reaches)
	line := func(row, tap int) int { return row/c.outH*w.H + min(w.H, max(0, row%c.outH*w.StrideH-w.Top+tap)) }
	return line(position/width, 0), line((position+m-1)/width, (w.KH-1)*w.DilationH+1)
}

// patches are those of m positions as words, and room for as many rows of a panel.
func (c *convolution) patches(w *worker, position, m int) (a *float32, beside []float32) {
	if c.per == 2 && c.w.C%2 == 0 && c.x.Stride == c.w.C {
		return c.roundedPatches(w, position, m)
	}
	ld := c.per * c.words(c.taps)
	n, words := c.rows*ld, c.rows*c.words(c.taps)
	room := w.scratch(n + words + c.rows*c.width)
	for r := c.taps; r < ld*m && ld > c.taps; r += ld { // what fills a last word
		room[r] = 0
	}
	c.layOut(room, ld, planeOf(c.x), position, m, 0)
	a, _ = c.asWords(room[n:], &room[0], ld, c.taps, m)
	return a, room[n+words:]
}

// roundedPatches are patches whose pixels are rounded first, once for all positions that see them.
func (c *convolution) roundedPatches(w *worker, position, m int) (a *float32, beside []float32) {
	first, last := c.pixelLines(position, m)
	v := c.imageWindow
	v.w.C /= 2 // words of a pixel
	ld, pixel := c.taps/2, first*c.w.W
	n, size := c.rows*ld, (last-first)*c.w.W*v.w.C
	room := w.scratch(n + size + c.rows*c.width)
	words := room[n : n+size]
	if size > 0 {
		c.packLines(words, size, &planeOf(c.x).from(pixel)[0], 0, 2*size, 1)
	}
	v.layOut(room, ld, plane{words, -pixel * v.w.C, v.w.C}, position, m, 0)
	return &room[0], room[n+size:]
}

// fewImages is up to how many images a gradient of pixels is gathered, by tiles of a part of an image.
const fewImages = 7

// ConvGradInput has a tile for each image, whose pixels no other tile writes; of few images it
// is a convolution itself.
func (d *device) ConvGradInput(dx, dy, w mat, win kernel.Window, precision kernel.DType) {
	images := kernel.CheckConv("ConvGradInput", dy, dx, w, win)
	if dy.Rows == 0 {
		return
	}
	if back, ok := turned(win, dy.Cols); ok && images <= fewImages {
		c := d.convolve(dx, dy, d.turnedFilters(w, win), back, true, precision)
		c.acc = true
		d.parallel(groups(dx.Rows, c.rows), (*convTiles)(c))
		return
	}
	c := d.convolve(dy, dx, w, win, false, precision)
	width := len(c.reaches)
	c.rows = max(1, convRoom/(c.taps*width)) * width // whole rows of positions
	d.parallel(images, (*convInputTiles)(c))
}

// turned is the window by which each pixel sees the positions, of O channels, that saw it: there is
// one where those lie as close as pixels do, and no padding is wider than the taps.
func turned(w kernel.Window, O int) (back kernel.Window, ok bool) {
	H, W := w.DilationH*(w.KH-1), w.DilationW*(w.KW-1)
	back = w
	back.H, back.W, back.C = w.OutH(), w.OutW(), O
	back.Top, back.Left = H-w.Top, W-w.Left
	back.Bottom, back.Right = w.H+H-back.H-back.Top, w.W+W-back.W-back.Left
	return back, w.StrideH == 1 && w.StrideW == 1 && min(back.Top, back.Left, back.Bottom, back.Right) >= 0
}

// turnedFilters are those of the window turned, (C, taps·O), from w (O, taps·C): the last tap is the
// first. They lie in memory that d keeps.
func (d *device) turnedFilters(w mat, win kernel.Window) mat {
	O, C, taps := w.Rows, win.C, win.KH*win.KW
	if n := O * C * taps; len(d.filters) < n {
		d.filters = make([]float32, n)
		d.filtersIn = kernel.Buffer{Ptr: unsafe.Pointer(&d.filters[0]), Bytes: 4 * n}
	}
	m, dst := mat{Buf: &d.filtersIn, Rows: C, Cols: taps * O, Stride: taps * O, Type: kernel.F32}, d.filters
	for o := range O {
		row := kernel.Row[float32](w, o)
		for t := range taps {
			at := (taps-1-t)*O + o
			for c, v := range row[t*C : (t+1)*C] {
				dst[c*m.Stride+at] = v
			}
		}
	}
	return m
}

type convInputTiles convolution

func (t *convInputTiles) tile(w *worker, image int) {
	c := (*convolution)(t)
	width := len(c.reaches)
	room := w.scratch(c.rows * (c.taps + c.O + c.width))
	patches, words, beside := room[:c.rows*c.taps], room[c.rows*c.taps:][:c.rows*c.O], room[c.rows*(c.taps+c.O):]
	for at := 0; at < c.outH*width; at += c.rows {
		m, from := min(c.rows, c.outH*width-at), image*c.outH*width+at
		dy := kernel.Elements[float32](c.y.Buf)[c.y.Index(from, 0):]
		a, ars := c.asWords(words, &dy[0], c.y.Stride, c.O, m)
		c.times(patches, c.taps, a, ars, 1, c.packed, m, c.taps, c.words(c.O), false, beside)
		for r := 0; r < m; r += width {
			c.fold(patches[r*c.taps:], image, (at+r)/width)
		}
	}
}

// fold adds the patches of a row of positions to their pixels.
func (c *convolution) fold(patches []float32, image, row int) {
	w := &c.w
	for i := range w.KH {
		if y := row*w.StrideH - w.Top + i*w.DilationH; y >= 0 && y < w.H {
			c.addBack(c.f, planeOf(c.x), (image*w.H+y)*w.W, patches[i*w.KW*w.C:], c.taps)
		}
	}
}

// convGroups is the number of parts that the positions are cut into, at most; each has sums
// of its own, so that workers add to different ones.
const convGroups = 8

// convBlocks is the number of blocks of a group, at least: its sums are written and read once more.
const convBlocks = 4

// ConvGradWeight multiplies the patches of a block of positions, transposed, with their
// gradients. The sums of the groups are added in order.
func (d *device) ConvGradWeight(dw, dy, x mat, win kernel.Window, acc bool, precision kernel.DType) {
	kernel.CheckConv("ConvGradWeight", dy, x, dw, win)
	c := d.convolve(dy, x, mat{}, win, false, precision)
	blocks := groups(dy.Rows, c.rows)
	c.groups = max(1, min(convGroups, blocks/convBlocks))
	c.dw, c.acc = dw, acc
	c.partial = d.partial(c.groups * c.taps * c.O)
	d.parallel(c.groups, (*convWeightTiles)(c))
	d.parallel(groups(c.taps, sumTaps), (*convWeightSums)(c))
}

type convWeightTiles convolution

func (t *convWeightTiles) tile(w *worker, group int) {
	c := (*convolution)(t)
	sums := c.partial[group*c.taps*c.O:][:c.taps*c.O]
	each := groups(groups(c.y.Rows, c.rows), c.groups) * c.rows
	from, to := min(c.y.Rows, group*each), min(c.y.Rows, (group+1)*each)
	if from == to {
		clear(sums)
		return
	}
	n := c.rows * c.taps
	room := w.scratch(2*n + c.rows*roundUp(c.O, c.width) + c.taps*c.width)
	patches, words, dy, beside := room[:n], room[n:2*n], room[2*n:][:c.rows*roundUp(c.O, c.width)], room[2*n+c.rows*roundUp(c.O, c.width):]
	for at := from; at < to; at += c.rows {
		m := min(c.rows, to-at)
		k := c.words(m)
		c.layOut(patches, c.taps, planeOf(c.x), at, m, 0)
		c.packRows(c.arithmetic, dy, k*c.width, &kernel.Elements[float32](c.y.Buf)[c.y.Index(at, 0)], c.y.Stride, c.O, m)
		a := &patches[0]
		if c.per > 1 {
			c.columnWords(words, patches, m)
			a = &words[0]
		}
		c.times(sums, c.O, a, 1, c.taps, dy, c.taps, c.O, k, at > from, beside)
	}
}

// columnWords packs the patches of m positions down their columns.
func (c *convolution) columnWords(words, patches []float32, m int) {
	c.arithmetic.columns(&words[0], c.taps, &patches[0], c.taps, c.taps, m)
}

type convWeightSums convolution

// sumTaps is the number of taps whose sums a tile adds and turns.
const sumTaps = 16

// tile adds the groups' sums of a few taps and turns them, (taps, O) to (O, taps).
func (t *convWeightSums) tile(_ *worker, i int) {
	from, to := i*sumTaps, min(t.taps, (i+1)*sumTaps)
	sums := t.partial[from*t.O : to*t.O]
	for g := 1; g < t.groups; g++ {
		at := (g*t.taps + from) * t.O
		t.f.add(sums, sums, t.partial[at:at+len(sums)])
	}
	for o := range t.O {
		dw := kernel.Row[float32](t.dw, o)[from:to]
		for k := range dw {
			if sum := sums[k*t.O+o]; t.acc {
				dw[k] += sum
			} else {
				dw[k] = sum
			}
		}
	}
}
