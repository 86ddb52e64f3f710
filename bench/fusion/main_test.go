package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// digits writes ten pictures and nine recordings of each digit, which no model needs to tell apart.
func digits(t *testing.T) (pictures, sounds string) {
	t.Helper()
	pictures, sounds = t.TempDir(), t.TempDir()
	for class := range 10 {
		for i := range 10 {
			m := image.NewGray(image.Rect(0, 0, 16, 16))
			for p := range m.Pix {
				m.Pix[p] = uint8(p*(class+2) + 40*i)
			}
			path := filepath.Join(pictures, fmt.Sprint(class), fmt.Sprintf("%d.png", i))
			f, err := os.Create(path)
			if os.IsNotExist(err) {
				os.MkdirAll(filepath.Dir(path), 0o777)
				f, err = os.Create(path)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(png.Encode(f, m), f.Close()); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 9 {
			b := []byte("RIFF\x44\x03\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00@\x1f\x00\x00\x80>\x00\x00\x02\x00\x10\x00data\x20\x03\x00\x00")
			for n := range 800 {
				b = append(b, uint8(n*(class+3)+i))
			}
			if err := os.WriteFile(filepath.Join(sounds, fmt.Sprintf("%d_%s_%d.wav", class, []string{"ann", "bo", "cy"}[i%3], i)), b, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	return pictures, sounds
}

// TestTable trains everything for a step: the table has a row each, and the picture is drawn.
func TestTable(t *testing.T) {
	pictures, sounds := digits(t)
	plot := filepath.Join(t.TempDir(), "fusion.png")
	var out bytes.Buffer
	if err := command(t.Context(), []string{"-pictures", pictures, "-sounds", sounds, "-steps", "1", "-seeds", "1", "-plot", plot}, &out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"picture alone", "sound alone", "name alone", "sum", "mean", "weighted", "concat", "gated", "attention"} {
		if n := len(regexp.MustCompile(`(?m)^\| `+name+` \| [0-9.]+ ± 0.00 \|`).FindAllString(out.String(), -1)); n != 1 {
			t.Errorf("%d rows of %s in\n%s", n, name, &out)
		}
	}
	for _, want := range []string{"noisy, retrieval@5, sound to zh ", "clean, retrieval@1, chance ", `captions right, zh, always "手写的数字`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if info, err := os.Stat(plot); err != nil || info.Size() < 1000 {
		t.Errorf("picture: %v", err)
	}
}

func TestMoments(t *testing.T) {
	if mean, deviation := moments([]float64{1, 2, 6}); mean != 3 || math.Abs(deviation-math.Sqrt(7)) > 1e-12 {
		t.Errorf("%g ± %g, want 3 ± √7", mean, deviation)
	}
	if mean, deviation := moments([]float64{4}); mean != 4 || deviation != 0 {
		t.Errorf("%g ± %g of one number", mean, deviation)
	}
}

func TestRefused(t *testing.T) {
	if err := command(t.Context(), []string{"tables"}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), `"tables" is none of levels, table, pairs, captions`) {
		t.Error(err)
	}
}
