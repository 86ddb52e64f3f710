package main

import (
	"bytes"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
)

// halves are pictures of 16 × 16, bright on the left or on the right, of another grey each.
func halves(t *testing.T) string {
	t.Helper()
	m := &corpus.Images{H: 16, W: 16, C: 1, Classes: []string{"left", "right"}}
	for i := range 120 {
		m.Labels = append(m.Labels, int32(i%2))
		for p := range 256 {
			v := uint8(0)
			if p%16/8 == i%2 {
				v = uint8(130 + i)
			}
			m.Pixels = append(m.Pixels, v)
		}
	}
	path := filepath.Join(t.TempDir(), "halves.zip")
	if err := format.WriteFile(path, m.WriteZip); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestWhole goes through all four parts with a handful of updates.
func TestWhole(t *testing.T) {
	data, out := halves(t), t.TempDir()
	var b bytes.Buffer
	if err := run(t.Context(), []string{"-out", out, "-steps", "3", "-threads", "1", "-digits", data, "-letters", data}, &b); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(out, "pix.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r struct{ Parts []part }
	if err := json.Unmarshal(file, &r); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range r.Parts {
		names = append(names, p.Name)
	}
	if got := strings.Join(names, " "); got != "inpaint inpaint-letters pix2pix pix2pix-l1 style waves style dots" {
		t.Fatalf("the parts are %s", got)
	}
	for i, rows := range []int{4, 4, 3, 3} {
		s := r.Parts[i].Scores
		if len(s) != rows || s[rows-1].Name != "truth" || s[rows-1].L1 != 0 || s[0].L1 == 0 || s[0].Of != s[rows-1].Of || s[0].Of < 6 {
			t.Errorf("%s measures %+v", r.Parts[i].Name, s)
		}
	}
	if digits, neon := r.Parts[0].Scores, r.Parts[2].Scores; digits[0].Hole == 0 || neon[0].Hole != 0 || digits[2].Hole < digits[1].Hole {
		t.Errorf("holes of digits: %+v, of neon %+v", digits, neon)
	}
	for _, p := range r.Parts[4:] {
		if len(p.Styles) != 4 || p.Styles[0].Start.Content != 0 || p.Styles[0].End.Style >= p.Styles[0].Start.Style {
			t.Errorf("%s measures %+v", p.Name, p.Styles)
		}
	}
	if got := strings.Count(b.String(), "\n|"); got != 2*6+2*5+2*7 {
		t.Errorf("tables of %d lines:\n%s", got, b.String())
	}
	for _, name := range []string{"inpaint", "inpaint-letters", "pix2pix", "pix2pix-l1", "style-content", "style-waves", "style-dots", "style-of-waves", "style-of-dots"} {
		f, err := os.Open(filepath.Join(out, name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f.Close()
	}
	if err := run(t.Context(), []string{"-out", out, "-only", "sound"}, &b); err == nil || !strings.Contains(err.Error(), `"sound" is none of digits`) {
		t.Errorf("a part that there is not: %v", err)
	}
}

// TestMontage: by hand, of pictures of 1 × 2.
func TestMontage(t *testing.T) {
	m := &corpus.Images{H: 1, W: 2, C: 1, Pixels: []uint8{1, 2, 3, 4, 5, 6, 7, 8}}
	if got := montage(m, 2); got.H != 2 || got.W != 4 || !bytes.Equal(got.Pixels, m.Pixels) {
		t.Errorf("%v of %d × %d", got.Pixels, got.H, got.W)
	}
}
