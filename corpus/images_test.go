package corpus_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/image/bmp"

	"github.com/inkstone-ai/inkstone/corpus"
)

// flat is a picture of one colour.
func flat(h, w int, c color.Color) image.Image {
	pic := image.NewNRGBA(image.Rect(0, 0, w, h))
	draw.Draw(pic, pic.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	return pic
}

func gray(v uint8) color.Color { return color.Gray{Y: v} }

// encoded is a file of a picture, in the format of the ending.
func encoded(t testing.TB, ending string, pic image.Image) string {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch ending {
	case "png":
		err = png.Encode(&b, pic)
	case "jpg":
		err = jpeg.Encode(&b, pic, &jpeg.Options{Quality: 100})
	case "gif":
		err = gif.Encode(&b, pic, nil)
	case "bmp":
		err = bmp.Encode(&b, pic)
	default:
		t.Fatalf("no encoder of %s", ending)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// flatWebP is a lossless WebP of one colour: five prefix codes of one symbol each, so that
// pixels take no bit (RFC 9649, section 3.7.2.1.1).
func flatWebP(h, w int, r, g, b uint8) string {
	var bits []byte
	put := func(v, n int) {
		for i := range n {
			bits = append(bits, byte(v>>i&1))
		}
	}
	put(0x2f, 8)
	put(w-1, 14)
	put(h-1, 14)
	put(0, 1+3)   // no alpha, version
	put(0, 1+1+1) // no transform, no colour cache, no meta prefix codes
	for _, symbol := range []int{int(g), int(r), int(b), 255} {
		put(1+0<<1+1<<2, 3) // a simple code of one symbol of 8 bits
		put(symbol, 8)
	}
	put(1, 4) // of distances: one symbol of 1 bit, 0
	data := make([]byte, (len(bits)+15)/16*2)
	for i, bit := range bits {
		data[i/8] |= bit << (i % 8)
	}
	return webp(chunk("VP8L", string(data)))
}

func webp(chunks ...string) string {
	return chunk("RIFF", "WEBP"+strings.Join(chunks, ""))
}

// chunk is one of RIFF.
func chunk(kind, data string) string {
	n := len(data)
	return kind + string([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}) + data
}

// readImages reads with a list of what Notice heard.
func readImages(t testing.TB, o corpus.ImageOptions, paths ...string) (*corpus.Images, []string) {
	t.Helper()
	var said []string
	o.Notice = func(s string) { said = append(said, s) }
	m, err := corpus.ReadImages(o, paths...)
	if err != nil {
		t.Fatal(err)
	}
	return m, said
}

func TestReadImagesFolder(t *testing.T) {
	dir := write(t, map[string]string{
		"b/one.png": encoded(t, "png", flat(2, 3, gray(10))), "b/two.png": encoded(t, "png", flat(2, 3, gray(20))),
		"a/deep/three.PNG": encoded(t, "png", flat(2, 3, gray(30))), "a/four.gif": encoded(t, "gif", flat(2, 3, gray(255))),
		"a/notes.txt": "about", ".hidden/x.png": "x",
	})
	m, said := readImages(t, corpus.ImageOptions{}, dir)
	want := &corpus.Images{
		H: 2, W: 3, C: 1, Pixels: []uint8{30, 30, 30, 30, 30, 30, 255, 255, 255, 255, 255, 255, 10, 10, 10, 10, 10, 10, 20, 20, 20, 20, 20, 20},
		Labels: []int32{1, 0, 2, 2}, Classes: []string{"a", "a/deep", "b"},
		Names: []string{filepath.Join(dir, "a/deep/three.PNG"), filepath.Join(dir, "a/four.gif"), filepath.Join(dir, "b/one.png"), filepath.Join(dir, "b/two.png")},
	}
	// Byte by byte "a/deep/three.PNG" comes before "a/four.gif".
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(said) != 1 || !strings.Contains(said[0], ": 2, the first "+filepath.Join(dir, ".hidden")) {
		t.Errorf("Notice heard %q", said)
	}
	if got := m.Image(3); len(got) != 6 || got[0] != 20 {
		t.Errorf("picture 3 is %v", got)
	}
	unlabelled, _ := readImages(t, corpus.ImageOptions{}, filepath.Join(dir, "b"))
	if unlabelled.Labels != nil || unlabelled.Classes != nil || unlabelled.Len() != 2 {
		t.Errorf("a folder without folders: %d pictures, labels %v", unlabelled.Len(), unlabelled.Labels)
	}
	single, _ := readImages(t, corpus.ImageOptions{}, filepath.Join(dir, "b/two.png"), filepath.Join(dir, "b/one.png"))
	if single.Labels != nil || single.Len() != 2 || single.Pixels[0] != 20 {
		t.Errorf("two files: %d pictures, labels %v, pixels %v", single.Len(), single.Labels, single.Pixels)
	}
}

// zipOf and tarOf pack files, the names sorted backwards.
func zipOf(t testing.TB, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range backwards(files) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(files[name]))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func tarOf(t testing.TB, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range backwards(files) {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(files[name])), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(files[name]))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func backwards(files map[string]string) []string {
	names := slices.Sorted(maps.Keys(files))
	slices.Reverse(names)
	return names
}

// TestReadImagesArchives: a folder and its archives are the same corpus, whatever the
// order in the archive and the folders around it.
func TestReadImagesArchives(t *testing.T) {
	files, packed, alone := map[string]string{}, map[string]string{"__MACOSX/set/x.png": "x"}, map[string]string{}
	for i := range 6 {
		name, data := fmt.Sprintf("class %d/sub/%d.png", i%2, i), encoded(t, "png", flat(4, 4, color.RGBA{uint8(40 * i), 0, 9, 255}))
		files[name], packed["set/images/"+name], alone["only/"+fmt.Sprint(i)+".png"] = data, data, data
	}
	folder := write(t, files)
	archives := write(t, map[string]string{
		"a.zip": zipOf(t, packed), "a.tar.gz": zipped(tarOf(t, packed)), "a.TGZ": zipped(tarOf(t, files)), "a.tar": tarOf(t, files), "one.zip": zipOf(t, alone),
	})
	want, _ := readImages(t, corpus.ImageOptions{}, folder)
	if want.C != 3 || !slices.Equal(want.Classes, []string{"class 0/sub", "class 1/sub"}) || !slices.Equal(want.Labels, []int32{0, 0, 0, 1, 1, 1}) {
		t.Errorf("the folder has %d channels, classes %q, labels %v", want.C, want.Classes, want.Labels)
	}
	for _, name := range []string{"a.zip", "a.tar.gz", "a.TGZ", "a.tar"} {
		got, said := readImages(t, corpus.ImageOptions{}, filepath.Join(archives, name))
		if got.Digest() != want.Digest() {
			t.Errorf("%s is another corpus: classes %q, labels %v", name, got.Classes, got.Labels)
		}
		if hidden := strings.Contains(strings.Join(said, " "), "1, the first "+filepath.Join(archives, name)+": __MACOSX/set/x.png"); hidden != (name == "a.zip" || name == "a.tar.gz") {
			t.Errorf("%s: Notice heard %q", name, said)
		}
	}
	got, _ := readImages(t, corpus.ImageOptions{}, filepath.Join(archives, "a.zip"))
	if want := filepath.Join(archives, "a.zip") + ": set/images/class 0/sub/0.png"; got.Names[0] != want {
		t.Errorf("the first is %s, want %s", got.Names[0], want)
	}
	if one, _ := readImages(t, corpus.ImageOptions{}, filepath.Join(archives, "one.zip")); !slices.Equal(one.Classes, []string{"only"}) {
		t.Errorf("an archive of one folder has the classes %q", one.Classes)
	}
	mixed := write(t, map[string]string{"m.zip": zipOf(t, map[string]string{"set/x.png": encoded(t, "png", flat(1, 1, gray(1))), "set/a/y.png": encoded(t, "png", flat(1, 1, gray(2)))})})
	if m, _ := readImages(t, corpus.ImageOptions{}, filepath.Join(mixed, "m.zip")); !slices.Equal(m.Classes, []string{"set", "set/a"}) {
		t.Errorf("a folder that holds pictures and a folder: classes %q", m.Classes)
	}
	both, _ := readImages(t, corpus.ImageOptions{}, folder, filepath.Join(archives, "one.zip"))
	if !slices.Equal(both.Classes, []string{"class 0/sub", "class 1/sub", "only"}) || both.Len() != 12 || both.Labels[11] != 2 {
		t.Errorf("two paths: %d pictures, classes %q, labels %v", both.Len(), both.Classes, both.Labels)
	}
}

// TestReadImagesFormats holds the first pixel of each format against what was written.
func TestReadImagesFormats(t *testing.T) {
	deep := image.NewNRGBA64(image.Rect(0, 0, 2, 2))
	draw.Draw(deep, deep.Bounds(), image.NewUniform(color.NRGBA64{0x80ff, 0x4000, 0, 0xffff}), image.Point{}, draw.Src)
	bilevel := image.NewPaletted(image.Rect(0, 0, 9, 3), color.Palette{color.Black, color.White})
	bilevel.SetColorIndex(0, 0, 1)
	frame := image.NewPaletted(image.Rect(1, 1, 2, 2), color.Palette{color.Black})
	var small bytes.Buffer
	if err := gif.EncodeAll(&small, &gif.GIF{Image: []*image.Paletted{frame}, Delay: []int{0}, Config: image.Config{Width: 3, Height: 3, ColorModel: frame.Palette}}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, file string
		channels   int
		want       []uint8 // of the first pixel
		near       int
		said       string
	}{
		{"grey.png", encoded(t, "png", flat(2, 2, gray(77))), 1, []uint8{77}, 0, ""},
		{"bilevel.png", encoded(t, "png", bilevel), 1, []uint8{255}, 0, ""},
		{"colour.png", encoded(t, "png", flat(2, 2, color.RGBA{1, 2, 3, 255})), 3, []uint8{1, 2, 3}, 0, ""},
		{"clear.png", encoded(t, "png", flat(2, 2, color.NRGBA{255, 0, 0, 51})), 3, []uint8{255, 204, 204}, 0, ""}, // a fifth red
		{"nothing.png", encoded(t, "png", flat(2, 2, color.NRGBA{})), 1, []uint8{255}, 0, ""},
		{"deep.png", encoded(t, "png", deep), 3, []uint8{0x80, 0x40, 0}, 0, "16 bits a value became 8: 1 of 1"},
		{"photo.jpg", encoded(t, "jpg", flat(8, 8, color.RGBA{200, 100, 50, 255})), 3, []uint8{200, 100, 50}, 2, ""},
		{"photo.jpeg", encoded(t, "jpg", flat(8, 8, gray(90))), 1, []uint8{90}, 1, ""},
		{"offset.gif", small.String(), 1, []uint8{255}, 0, ""},
		{"colour.bmp", encoded(t, "bmp", flat(2, 2, color.RGBA{9, 8, 7, 255})), 3, []uint8{9, 8, 7}, 0, ""},
		{"flat.webp", flatWebP(3, 5, 10, 200, 30), 3, []uint8{10, 200, 30}, 0, ""},
		{"really-a-png.jpg", encoded(t, "png", flat(2, 2, gray(77))), 1, []uint8{77}, 0, ""},
	}
	for _, test := range tests {
		m, said := readImages(t, corpus.ImageOptions{}, write(t, map[string]string{test.name: test.file}))
		if m.C != test.channels {
			t.Errorf("%s: %d channels, want %d", test.name, m.C, test.channels)
			continue
		}
		for i, want := range test.want {
			if d := int(m.Pixels[i]) - int(want); d > test.near || d < -test.near {
				t.Errorf("%s: the first pixel is %v, want %v", test.name, m.Pixels[:m.C], test.want)
				break
			}
		}
		if got := strings.Join(said, " "); (got == "") != (test.said == "") || !strings.Contains(got, test.said) {
			t.Errorf("%s: Notice heard %q, want %q", test.name, got, test.said)
		}
	}
	m, _ := readImages(t, corpus.ImageOptions{}, write(t, map[string]string{"offset.gif": small.String()}))
	if !slices.Equal(m.Pixels, []uint8{255, 255, 255, 255, 0, 255, 255, 255, 255}) {
		t.Errorf("a frame in the middle of its canvas: %v", m.Pixels)
	}
}

func TestReadImagesResizes(t *testing.T) {
	half := image.NewGray(image.Rect(0, 0, 8, 6)) // white at the right
	for y := range 6 {
		for x := 4; x < 8; x++ {
			half.SetGray(x, y, color.Gray{255})
		}
	}
	dir := write(t, map[string]string{
		"1.png": encoded(t, "png", flat(6, 4, gray(100))), "2.png": encoded(t, "png", half), "3.png": encoded(t, "png", flat(6, 4, gray(7))), "4.png": encoded(t, "png", flat(50, 50, gray(200))),
	})
	m, said := readImages(t, corpus.ImageOptions{}, dir)
	if m.H != 6 || m.W != 4 || m.Image(0)[5] != 100 || m.Image(3)[23] != 200 {
		t.Errorf("%d × %d, %v", m.H, m.W, m.Pixels)
	}
	for y := range m.H {
		row := m.Image(1)[4*y : 4*y+4]
		if row[0] > 10 || row[3] < 245 || row[1] > row[2] || int(row[1])+int(row[2]) < 250 || int(row[1])+int(row[2]) > 260 {
			t.Errorf("row %d of black and white, half the width: %v", y, row)
		}
	}
	want := "resized to 6 × 4: 2 of 4 pictures, the first " + filepath.Join(dir, "2.png") + " (6 × 8)"
	if len(said) != 1 || said[0] != want {
		t.Errorf("Notice heard %q, want %q", said, want)
	}
	m, said = readImages(t, corpus.ImageOptions{H: 3, W: 5}, dir)
	if m.H != 3 || m.W != 5 || len(said) != 1 || !strings.Contains(said[0], "3 × 5: 4 of 4") {
		t.Errorf("asked for 3 × 5: %d × %d, Notice heard %q", m.H, m.W, said)
	}
}

func TestReadImagesChannels(t *testing.T) {
	colours := []color.RGBA{{0, 0, 0, 255}, {255, 255, 255, 255}, {255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {12, 200, 77, 255}, {1, 1, 2, 255}, {254, 255, 255, 255}}
	files := map[string]string{}
	for i, c := range colours {
		files[fmt.Sprintf("%d.png", i)] = encoded(t, "png", flat(1, 1, c))
	}
	dir := write(t, files)
	grey, said := readImages(t, corpus.ImageOptions{Channels: 1}, dir)
	inverted, _ := readImages(t, corpus.ImageOptions{Invert: true}, dir)
	all, saidMixed := readImages(t, corpus.ImageOptions{}, dir)
	if grey.C != 1 || inverted.C != 3 || all.C != 3 {
		t.Fatalf("%d, %d, %d channels", grey.C, inverted.C, all.C)
	}
	for i, c := range colours {
		if want := color.GrayModel.Convert(c).(color.Gray).Y; grey.Pixels[i] != want {
			t.Errorf("%v is grey %d, want %d", c, grey.Pixels[i], want)
		}
		if want := []uint8{c.R, c.G, c.B}; !slices.Equal(all.Image(i), want) {
			t.Errorf("picture %d is %v, want %v", i, all.Image(i), want)
		}
		if want := []uint8{255 - c.R, 255 - c.G, 255 - c.B}; !slices.Equal(inverted.Image(i), want) {
			t.Errorf("picture %d inverted is %v, want %v", i, inverted.Image(i), want)
		}
	}
	many := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		many.SetNRGBA(i%64, i/64, color.NRGBA{uint8(i % 16 * 17), uint8(i / 16 % 16 * 17), uint8(i / 256 * 17), 255})
	}
	luma, _ := readImages(t, corpus.ImageOptions{Channels: 1}, write(t, map[string]string{"x.png": encoded(t, "png", many)}))
	for i, got := range luma.Pixels {
		if want := color.GrayModel.Convert(many.At(i%64, i/64)).(color.Gray).Y; got != want {
			t.Errorf("%v is grey %d, want %d", many.At(i%64, i/64), got, want)
		}
	}
	if len(said) > 0 || len(saidMixed) != 1 || !strings.Contains(saidMixed[0], "in colour: 6 of 8 pictures, the first "+filepath.Join(dir, "2.png")) {
		t.Errorf("Notice heard %q where grey was asked for and %q where nothing was", said, saidMixed)
	}
	if wide, _ := readImages(t, corpus.ImageOptions{Channels: 3}, filepath.Join(dir, "1.png")); wide.C != 3 || !slices.Equal(wide.Pixels, []uint8{255, 255, 255}) {
		t.Errorf("3 channels of a white pixel: %v", wide.Pixels)
	}
}

// TestReadImagesCutOff: a picture that ends anywhere before its end is refused.
func TestReadImagesCutOff(t *testing.T) {
	busy := image.NewNRGBA(image.Rect(0, 0, 9, 9))
	for i := range busy.Pix {
		busy.Pix[i] = uint8(i * i)
	}
	files := map[string]string{"x.webp": flatWebP(3, 3, 1, 2, 3)}
	for _, ending := range []string{"png", "jpg", "gif", "bmp"} {
		files["x."+ending] = encoded(t, ending, busy)
	}
	for name, file := range files {
		if _, err := corpus.DecodePicture([]byte(file)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for n := range len(file) {
			if _, err := corpus.DecodePicture([]byte(file[:n])); err == nil {
				t.Errorf("%s cut off at %d of %d bytes: no error", name, n, len(file))
			}
		}
	}
}

func TestReadImagesRefuses(t *testing.T) {
	pic := encoded(t, "png", flat(2, 2, gray(1)))
	var moving bytes.Buffer
	frame := image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.Black, color.White})
	if err := gif.EncodeAll(&moving, &gif.GIF{Image: []*image.Paletted{frame, frame, frame}, Delay: []int{1, 1, 1}}); err != nil {
		t.Fatal(err)
	}
	animated := pic[:33] + "\x00\x00\x00\x08acTL\x00\x00\x00\x07\x00\x00\x00\x00\xa9\xd4\x5d\x9b" + pic[33:]
	header := "IHDR\x00\x01\x86\xa0\x00\x01\x86\xa0\x08\x00\x00\x00\x00"
	bomb := binary.BigEndian.AppendUint32([]byte(pic[:12]+header), crc32.ChecksumIEEE([]byte(header)))
	half := zipped(tarOf(t, map[string]string{"a/x.png": pic}))
	half = half[:len(half)-4] // all is there but a part of the checksum
	still := chunk("VP8X", "\x02\x00\x00\x00\x01\x00\x00\x01\x00\x00")
	tests := []struct {
		name  string
		files map[string]string
		o     corpus.ImageOptions
		paths string // below the folder; "": the folder itself
		want  string
	}{
		{"animated GIF", map[string]string{"x.gif": moving.String()}, corpus.ImageOptions{}, "", "x.gif: a GIF of 3 frames"},
		{"animated PNG", map[string]string{"x.png": animated}, corpus.ImageOptions{}, "", "x.png: a PNG of 7 frames"},
		{"animated WebP", map[string]string{"x.webp": webp(still, chunk("ANMF", "abcd"), chunk("ANMF", "abcd"))}, corpus.ImageOptions{}, "", "x.webp: a WebP of 2 frames"},
		{"too many pixels", map[string]string{"x.png": string(bomb)}, corpus.ImageOptions{}, "", "x.png: 100000 × 100000 pixels"},
		{"damaged", map[string]string{"x.png": pic[:45] + "\x55\x55" + pic[47:]}, corpus.ImageOptions{}, "", "x.png: damaged PNG"},
		{"no picture", map[string]string{"x.png": "<html>404</html>"}, corpus.ImageOptions{}, "", `x.png: its first bytes "<html>404</h`},
		{"a folder without a picture", map[string]string{"x.txt": "text"}, corpus.ImageOptions{}, "", "no picture (PNG, JPEG, GIF, BMP, WebP) in it"},
		{"a folder of IDX", map[string]string{"x-images-idx3-ubyte": "x"}, corpus.ImageOptions{}, "", "name the IDX file"},
		{"a class without a picture", map[string]string{"a/x.png": pic, "b/c/x.txt": "text"}, corpus.ImageOptions{}, "", "b: no picture"},
		{"a picture beside classes", map[string]string{"a/x.png": pic, "y.png": pic}, corpus.ImageOptions{}, "", "y.png lies beside folders of classes (a)"},
		{"labels and none", map[string]string{"1/a/x.png": pic, "2/y.png": pic}, corpus.ImageOptions{}, "1 2", "y.png has none"},
		{"an unknown class", map[string]string{"a/x.png": pic, "b/x.png": pic}, corpus.ImageOptions{Classes: []string{"c", "a"}}, "", `label "b", which is none of the 2 classes c, a`},
		{"no labels for classes", map[string]string{"x.png": pic}, corpus.ImageOptions{Classes: []string{"a"}}, "", "x.png has no label"},
		{"a text", map[string]string{"x.txt": "text"}, corpus.ImageOptions{}, "x.txt", "x.txt is no picture"},
		{"nothing", map[string]string{"x.txt": "text"}, corpus.ImageOptions{}, "y", "y: no such file"},
		{"a text as zip", map[string]string{"x.zip": "text"}, corpus.ImageOptions{}, "x.zip", "x.zip: zip: not a valid zip file"},
		{"half a tar", map[string]string{"x.tar.gz": half}, corpus.ImageOptions{}, "x.tar.gz", "x.tar.gz: after 1 pictures: unexpected EOF"},
		{"damaged in a zip", map[string]string{"x.zip": zipOf(t, map[string]string{"a/x.png": pic[:36]})}, corpus.ImageOptions{}, "x.zip", "x.zip: a/x.png: the PNG is cut off: it ends at byte 36"},
		{"channels", map[string]string{"x.png": pic}, corpus.ImageOptions{Channels: 2}, "", "2 channels"},
		{"a negative size", map[string]string{"x.png": pic}, corpus.ImageOptions{H: -1}, "", "-1 × 0"},
		{"an immense size", map[string]string{"x.png": pic}, corpus.ImageOptions{H: 1 << 20, W: 1 << 20}, "", "at most"},
	}
	for _, test := range tests {
		dir := write(t, test.files)
		paths := []string{dir}
		if test.paths != "" {
			paths = nil
			for _, p := range strings.Fields(test.paths) {
				paths = append(paths, filepath.Join(dir, p))
			}
		}
		_, err := corpus.ReadImages(test.o, paths...)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "corpus: ") {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
	}
	if _, err := corpus.ReadImages(corpus.ImageOptions{}); err == nil {
		t.Error("no path: no error")
	}
	twice := write(t, map[string]string{"x.zip": strings.ReplaceAll(zipOf(t, map[string]string{"a/x.png": pic, "a/y.png": pic}), "a/y.png", "a/x.png")})
	if _, err := corpus.ReadImages(corpus.ImageOptions{}, filepath.Join(twice, "x.zip")); err == nil || !strings.Contains(err.Error(), "a/x.png is in the archive twice") {
		t.Errorf("a name twice: error %v", err)
	}
	empty := write(t, map[string]string{"a/x.png": pic})
	if err := os.Mkdir(filepath.Join(empty, "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := corpus.ReadImages(corpus.ImageOptions{}, empty); err == nil || !strings.Contains(err.Error(), filepath.Join(empty, "b")+": no picture") {
		t.Errorf("an empty folder: error %v", err)
	}
}
