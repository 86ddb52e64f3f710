package train_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/train"
)

func TestWriteCurve(t *testing.T) {
	dir := t.TempDir()
	_, _, err := train20(t, 1, func(c *train.Config, _ *train.Stepper) {
		c.Steps, c.Dir, c.EvaluateEvery = 500, dir, 50
		c.Evaluate = func(context.Context) (float64, error) { return 1, nil }
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := train.WriteCurve(dir); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(testkit.ReadFile(t, filepath.Join(dir, train.CurvePNG))))
	if err != nil {
		t.Fatal(err)
	}
	colours := map[any]bool{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			r, g, b, _ := img.At(x, y).RGBA()
			if r != g || g != b { // the axes and labels are grey
				colours[[3]uint32{r >> 13, g >> 13, b >> 13}] = true
			}
		}
	}
	if len(colours) < 2 {
		t.Errorf("the picture has %d colours, want a line for training and one for evaluations", len(colours))
	}
	svg := xml.NewDecoder(bytes.NewReader(testkit.ReadFile(t, filepath.Join(dir, train.CurveSVG))))
	text := ""
	for {
		token, err := svg.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if chars, ok := token.(xml.CharData); ok {
			text += string(chars) + " "
		}
	}
	for _, want := range []string{"training (means of 2)", "held-out", "step", "loss"} {
		if !strings.Contains(text, want) {
			t.Errorf("the drawing does not name %q; it has %q", want, text)
		}
	}
}

// Losses that hardly differ, or are huge, have axes all the same.
func TestWriteCurveFlat(t *testing.T) {
	for _, losses := range [][2]string{{"2.3", "2.3000000000000003"}, {"1e30", "1e30"}, {"0", "0"}, {"-7e-300", "0"}} {
		dir := t.TempDir()
		log := `{"step":1,"loss":` + losses[0] + `,"seconds":1}` + "\n" + `{"step":2,"loss":` + losses[1] + `,"seconds":2}` + "\n"
		if err := os.WriteFile(filepath.Join(dir, train.MetricsFile), []byte(log), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := train.WriteCurve(dir); err != nil {
			t.Errorf("%s: %v", losses, err)
		}
	}
}

func TestWriteCurveErrors(t *testing.T) {
	dir := t.TempDir()
	if err := train.WriteCurve(dir); err == nil {
		t.Error("no log gave no error")
	}
	path := filepath.Join(dir, train.MetricsFile)
	if err := os.WriteFile(path, []byte(`{"step":1,"loss":2,"seconds":1}`+"\nnot json\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := train.WriteCurve(dir); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v, want an error that names line 2", err)
	}
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := train.WriteCurve(dir); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("an empty log: got %v", err)
	}
}
