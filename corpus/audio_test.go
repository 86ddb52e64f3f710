package corpus_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// A wavHeader writes WAV files after the description of the format.
type wavHeader struct {
	code, channels, rate, bits int
	extra                      []byte // of the format chunk
	before                     []byte // chunks before the sound
}

func (h wavHeader) file(sound []byte) []byte {
	var b bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
				panic(err)
			}
		}
	}
	frame := h.channels * h.bits / 8
	put([]byte("RIFF"), uint32(36+len(h.extra)+len(h.before)+len(sound)), []byte("WAVEfmt "), uint32(16+len(h.extra)),
		uint16(h.code), uint16(h.channels), uint32(h.rate), uint32(h.rate*frame), uint16(frame), uint16(h.bits), h.extra,
		h.before, []byte("data"), uint32(len(sound)), sound)
	return b.Bytes()
}

func pcm(rate int, samples ...int16) []byte {
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, samples)
	return wavHeader{code: 1, channels: 1, rate: rate, bits: 16}.file(b.Bytes())
}

// soundFolder writes files by their path below a folder.
func soundFolder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestSampleWidths: full scale of each width and sign, the padding of odd chunks, the
// extensible form, chunks that lie before the sound.
func TestSampleWidths(t *testing.T) {
	extensible := append([]byte{22, 0, 24, 0, 4, 0, 0, 0}, 1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71)
	list := []byte("LIST\x09\x00\x00\x00INFOabcde\x00")
	for _, tt := range []struct {
		name  string
		h     wavHeader
		sound []byte
		want  []float32
	}{
		{"8 bits, odd, no padding", wavHeader{code: 1, channels: 1, rate: 8000, bits: 8}, []byte{0, 128, 255}, []float32{-1, 0, 127. / 128}},
		{"16 bits", wavHeader{code: 1, channels: 1, rate: 8000, bits: 16}, []byte{0, 0x80, 0, 0, 0xff, 0x7f, 0xff, 0xff}, []float32{-1, 0, 32767. / 32768, -1. / 32768}},
		{"24 bits, odd", wavHeader{code: 1, channels: 1, rate: 8000, bits: 24}, []byte{0, 0, 0x80, 0, 0, 0x40, 0xff, 0xff, 0xff}, []float32{-1, 0.5, -1. / 8388608}},
		{"24 bits extensible", wavHeader{code: 0xfffe, channels: 1, rate: 8000, bits: 24, extra: extensible}, []byte{0, 0, 0x80, 0, 0, 0x40}, []float32{-1, 0.5}},
		{"32 bits after a list", wavHeader{code: 1, channels: 1, rate: 8000, bits: 32, before: list}, []byte{0, 0, 0, 0x80, 0, 0, 0, 0x20}, []float32{-1, 0.25}},
		{"stereo", wavHeader{code: 1, channels: 2, rate: 8000, bits: 16}, []byte{0, 0x40, 0, 0x20, 0, 0x80, 0, 0x80}, []float32{0.375, -1}},
	} {
		dir := soundFolder(t, map[string][]byte{"a/x.wav": tt.h.file(tt.sound)})
		var said []string
		got, err := corpus.ReadSounds(corpus.SoundOptions{Notice: func(s string) { said = append(said, s) }}, dir)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff([][]float32{tt.want}, got.Samples); diff != "" {
			t.Errorf("%s: -want +got: %s", tt.name, diff)
		}
		if mixed := len(said) == 1 && strings.Contains(said[0], "1 recordings of several channels are mixed to one"); mixed != (tt.h.channels > 1) {
			t.Errorf("%s: notices %q", tt.name, said)
		}
	}
}

// TestOddChunkPadded: the byte that pads 3 bytes is no sample.
func TestOddChunkPadded(t *testing.T) {
	data := append(wavHeader{code: 1, channels: 1, rate: 8000, bits: 8}.file([]byte{128, 128, 192}), 0)
	got, err := corpus.ReadSounds(corpus.SoundOptions{}, soundFolder(t, map[string][]byte{"a/x.wav": data}))
	if err != nil || len(got.Samples[0]) != 3 || got.Samples[0][2] != 0.5 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestReadSounds(t *testing.T) {
	files := map[string][]byte{
		"yes/b.wav": pcm(8000, 1), "no/c.wav": pcm(8000, 2, 3), "yes/a.wav": pcm(8000, 4), "readme.txt": []byte("hello"),
	}
	var said []string
	got, err := corpus.ReadSounds(corpus.SoundOptions{Notice: func(s string) { said = append(said, s) }}, soundFolder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"no", "yes"}, got.Classes); diff != "" {
		t.Errorf("classes -want +got: %s", diff)
	}
	if diff := cmp.Diff([]int32{0, 1, 1}, got.Labels); diff != "" { // no/c, yes/a, yes/b
		t.Errorf("labels -want +got: %s", diff)
	}
	if got.Rate != 8000 || got.Len() != 3 || got.Samples[1][0] != 4./32768 || got.Seconds() != 4./8000 || got.Numbers[0] != -1 {
		t.Errorf("%+v", got)
	}
	if len(said) != 1 || !strings.Contains(said[0], "1 files do not end in .wav and are left out") || !strings.Contains(said[0], "readme.txt") {
		t.Errorf("notices %q", said)
	}
}

// TestSoundArchives: an archive says what its folder says, by pattern and by folder.
func TestSoundArchives(t *testing.T) {
	files := []struct {
		name string
		data []byte
	}{{"rec/two/7_lucas_12.wav", pcm(8000, 5)}, {"rec/two/3_theo_0.wav", pcm(8000, 6, 7)}, {"rec/note.md", []byte("x")}}
	dir := t.TempDir()
	var tarred, zipped bytes.Buffer
	compressed := gzip.NewWriter(&tarred)
	tw, zw := tar.NewWriter(compressed), zip.NewWriter(&zipped)
	for _, f := range files {
		if err := tw.WriteHeader(&tar.Header{Name: f.name, Size: int64(len(f.data)), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		tw.Write(f.data)
		w, err := zw.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(f.data)
	}
	tw.Close()
	compressed.Close()
	zw.Close()
	for name, data := range map[string][]byte{"a.tar.gz": tarred.Bytes(), "a.zip": zipped.Bytes()} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		said := 0
		got, err := corpus.ReadSounds(corpus.SoundOptions{Pattern: "{label}_{speaker}_{number}.wav", Notice: func(string) { said++ }}, path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := &corpus.Sounds{Rate: 8000, Samples: [][]float32{{6. / 32768, 7. / 32768}, {5. / 32768}}, Labels: []int32{0, 1},
			Speakers: []string{"theo", "lucas"}, Numbers: []int{0, 12}, Classes: []string{"3", "7"},
			Names: []string{path + ":rec/two/3_theo_0.wav", path + ":rec/two/7_lucas_12.wav"}}
		if diff := cmp.Diff(want, got); diff != "" || said != 1 {
			t.Errorf("%s: %d notices, -want +got: %s", name, said, diff)
		}
		if got, err = corpus.ReadSounds(corpus.SoundOptions{}, path); err != nil || got.Classes[0] != "two" {
			t.Errorf("%s by folder: %v, %v", name, got, err)
		}
		if err := os.WriteFile(path, data[:len(data)-30], 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := corpus.ReadSounds(corpus.SoundOptions{}, path); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s cut off: %v", name, err)
		}
	}
}

func TestSoundErrors(t *testing.T) {
	whole := pcm(8000, 1, 2, 3)
	other := func(code, bits int) []byte {
		return wavHeader{code: code, channels: 1, rate: 8000, bits: bits}.file(make([]byte, 48))
	}
	huge := bytes.Clone(whole)
	binary.LittleEndian.PutUint32(huge[16:], 1<<31) // the format's length
	for _, tt := range []struct {
		name, pattern string
		data          []byte
		says          string
	}{
		{"a/x.wav", "", whole[:len(whole)-2], `a/x.wav: a WAV file that is cut off: its "data" chunk has 6 bytes, of which 4 are there`},
		{"a/x.wav", "", whole[:40], "cut off before its sound"},
		{"a/x.wav", "", huge, `its "fmt " chunk has 2147483648 bytes, of which`},
		{"a/x.wav", "", []byte("hello, this is text"), "no WAV file"},
		{"a/x.wav", "", other(3, 32), "floating point samples: integers (PCM) are read"},
		{"a/x.wav", "", other(6, 8), "A-law"},
		{"a/x.wav", "", other(1, 12), "samples of 12 bits"},
		{"a/x.wav", "", pcm(8000), "without a sample"},
		{"a/x.wav", "", wavHeader{code: 1, channels: 2, rate: 8000, bits: 16}.file(make([]byte, 6)), "6 bytes of sound in frames of 4"},
		{"a/x.wav", "", wavHeader{code: 1, channels: 1, rate: 0, bits: 16}.file(make([]byte, 6)), "1 channels and 0 samples a second"},
		{"x.wav", "", whole, "x.wav: no folder that says its label"},
		{"x.wav", "{label}_{number}.wav", whole, `the name "x.wav" is not made like the pattern`},
		{"a_x.wav", "{label}_{number}.wav", whole, `the name "a_x.wav" is not made like`},
		{"x.wav", "{speaker}.wav", whole, "no {label} in it"},
		{"x.wav", "{label}_{label}.wav", whole, "{label} stands in it twice"},
		{"x.wav", "{label}_{date}.wav", whole, "there is no {date}"},
		{"a/x.mp3", "", whole, "no .wav file in it"},
	} {
		dir := soundFolder(t, map[string][]byte{tt.name: tt.data})
		if _, err := corpus.ReadSounds(corpus.SoundOptions{Pattern: tt.pattern}, dir); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s %q: %v, want %q", tt.name, tt.pattern, err, tt.says)
		}
	}
	if _, err := corpus.ReadSounds(corpus.SoundOptions{}, file(t, "x.txt", "x")); err == nil || !strings.Contains(err.Error(), "x.txt: neither a .wav file nor") {
		t.Errorf("a text: %v", err)
	}
}

// TestSoundRates: another rate is refused, or resampled where one is asked for.
func TestSoundRates(t *testing.T) {
	dir := soundFolder(t, map[string][]byte{"a/1.wav": pcm(8000, 1, 2, 3), "a/2.wav": pcm(16000, make([]int16, 10)...)})
	_, err := corpus.ReadSounds(corpus.SoundOptions{}, dir)
	if err == nil || !strings.Contains(err.Error(), "2.wav has 16000 samples a second and") || !strings.Contains(err.Error(), "1.wav has 8000") {
		t.Errorf("two rates: %v", err)
	}
	var said string
	got, err := corpus.ReadSounds(corpus.SoundOptions{Rate: 8000, Notice: func(s string) { said = s }}, dir)
	if err != nil || got.Rate != 8000 || len(got.Samples[0]) != 3 || len(got.Samples[1]) != 5 || said != "1 recordings of 16000 samples a second are resampled to 8000" {
		t.Errorf("%+v, %v, notice %q", got, err, said)
	}
}

func TestSplitSpeakers(t *testing.T) {
	files := map[string][]byte{}
	for i, name := range []string{"a_ann_0", "b_ann_1", "a_bob_0", "b_eve_7"} {
		files[name+".wav"] = pcm(8000, int16(i))
	}
	s, err := corpus.ReadSounds(corpus.SoundOptions{Pattern: "{label}_{speaker}_{number}.wav"}, soundFolder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	train, held, err := s.SplitSpeakers("ann")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bob", "eve"}, train.Speakers); diff != "" {
		t.Errorf("train -want +got: %s", diff)
	}
	if diff := cmp.Diff([]string{"ann", "ann"}, held.Speakers); diff != "" || held.Numbers[1] != 1 || held.Labels[1] != 1 || held.Samples[1][0] != 1./32768 {
		t.Errorf("held %+v, -want +got: %s", held, diff)
	}
	for i, name := range held.Names {
		if want := []string{"a_ann_0.wav", "b_ann_1.wav"}[i]; !strings.HasSuffix(name, want) {
			t.Errorf("held-out recording %d is %s, want %s", i, name, want)
		}
	}
	for _, speakers := range [][]string{{"zoe"}, {""}, {"ann", "bob", "eve"}, {}} {
		if _, _, err := s.SplitSpeakers(speakers...); err == nil {
			t.Errorf("holding out %q is no error", speakers)
		}
	}
	s.Speakers[2] = "" // whose recording it is, is not known
	if _, _, err := s.SplitSpeakers(""); err == nil {
		t.Error("holding out the speaker who is not known is no error")
	}
}

// TestResample: a tone that both rates hold stays the tone, one that the lower does not is
// gone, a constant stays; the numbers of samples are rounded up.
func TestResample(t *testing.T) {
	tone := func(n int, hertz, rate float64) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(math.Sin(2 * math.Pi * hertz * float64(i) / rate))
		}
		return x
	}
	for _, r := range [][2]int{{44100, 16000}, {16000, 8000}, {8000, 16000}, {22050, 24000}, {48000, 44100}} {
		name := fmt.Sprint(r)
		for _, hertz := range []float64{100, 1000, 3400} {
			got := corpus.Resample(tone(r[0]/4, hertz, float64(r[0])), r[0], r[1])
			want := tone(r[1]/4, hertz, float64(r[1]))
			edge := r[1] / 100
			testkit.Close(t, fmt.Sprint(name, hertz, " Hz"), got[edge:len(want)-edge], want[edge:len(want)-edge], 0, 6e-3) // the ripple of a Hann window is −44 dB
		}
		ones := make([]float32, r[0]/4)
		for i := range ones {
			ones[i] = 1
		}
		for i, v := range corpus.Resample(ones, r[0], r[1]) {
			if edge := r[1] / 100; i > edge && i < r[1]/4-edge && math.Abs(float64(v)-1) > 1e-4 {
				t.Errorf("%s: a constant 1 becomes %v at %d", name, v, i)
				break
			}
		}
	}
	for i, v := range corpus.Resample(tone(4000, 5000, 16000), 16000, 8000) { // 4 kHz is 8000's limit
		if i > 80 && i < 1920 && math.Abs(float64(v)) > 1e-3 {
			t.Fatalf("a tone of 5 kHz at 8000 samples a second leaves %v at %d", v, i)
		}
	}
	if got := len(corpus.Resample(make([]float32, 7), 3, 2)); got != 5 {
		t.Errorf("7 samples at 3 are %d at 2, want 5", got)
	}
	x := []float32{1, 2}
	if got := corpus.Resample(x, 5, 5); &got[0] != &x[0] {
		t.Error("the same rate copies")
	}
}

// TestSpokenDigits reads the shared recordings; the sums are those of Python's wave module.
func TestSpokenDigits(t *testing.T) {
	s, err := corpus.ReadSounds(corpus.SoundOptions{Pattern: "{label}_{speaker}_{number}.wav"}, testkit.Data(t, "audio-fsdd/fsdd-george-jackson-nicolas-theo.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	samples, sum, digits := 0, 0.0, make([]int, 10)
	for i, x := range s.Samples {
		samples += len(x)
		for _, v := range x {
			sum += math.Abs(float64(v)) * 32768
		}
		digits[s.Labels[i]]++
	}
	if s.Len() != 2000 || s.Rate != 8000 || samples != 6784910 || sum != 7630940903 {
		t.Errorf("%d files at %d, %d samples, sum %v", s.Len(), s.Rate, samples, sum)
	}
	if diff := cmp.Diff([]int{200, 200, 200, 200, 200, 200, 200, 200, 200, 200}, digits); diff != "" {
		t.Errorf("digits -want +got: %s", diff)
	}
	train, held, err := s.SplitSpeakers("theo")
	if err != nil || train.Len() != 1500 || held.Len() != 500 {
		t.Errorf("without theo %d and %d, %v", train.Len(), held.Len(), err)
	}
}

func FuzzSounds(f *testing.F) {
	f.Add(pcm(8000, 1, 2, 3))
	f.Add(wavHeader{code: 1, channels: 2, rate: 44100, bits: 24, before: []byte("LIST\x08\x00\x00\x00INFOIART")}.file(make([]byte, 12)))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "a", "x.wav")
		os.MkdirAll(filepath.Dir(path), 0o777)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := corpus.ReadSounds(corpus.SoundOptions{}, dir)
		if err == nil && (len(s.Samples[0]) == 0 || len(s.Samples[0]) > len(data)) {
			t.Fatalf("%d samples of %d bytes", len(s.Samples[0]), len(data))
		}
		for i := 0; err == nil && i < len(s.Samples[0]); i++ {
			if v := s.Samples[0][i]; !(v >= -1 && v <= 1) {
				t.Fatalf("sample %d is %v", i, v)
			}
		}
	})
}
