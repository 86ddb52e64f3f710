package gpt_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestTransformers lets Hugging Face's transformers load what Save writes and
// compare logits, where python3 has that library.
func TestTransformers(t *testing.T) {
	if out, err := exec.Command("python3", "-c", "import transformers").CombinedOutput(); err != nil {
		t.Skipf("python3 cannot import transformers: %v %s", err, lastLine(out))
	}
	for _, name := range []string{"gpt2", "llama"} { // transformers has no canon Llama
		t.Run(name, func(t *testing.T) {
			g := readGolden(t, name)
			d := tensor.Reference()
			defer d.Close()
			dir := t.TempDir()
			lm := g.trainable(t, d)
			if err := model.Save(dir, lm, model.Generation{}); err != nil {
				t.Fatal(err)
			}
			check := exec.Command("python3", filepath.Join("testdata", "check_transformers.py"), dir)
			check.Stdin = bytes.NewReader(g.run(t, lm, d))
			out, err := check.CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// run is the input of check_transformers.py.
func (g *golden) run(t *testing.T, lm model.LM, d *tensor.Device) []byte {
	t.Helper()
	var run struct {
		IDs    [][]int32   `json:"ids"`
		Logits [][]float32 `json:"logits"`
	}
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	at := 0
	for _, n := range g.Lengths {
		s.Begin(0)
		var p nn.Pass
		p.Set(s, g.IDs[at:at+n], nn.Span{Rows: n})
		run.IDs = append(run.IDs, g.IDs[at:at+n])
		run.Logits = append(run.Logits, lm.Logits(lm.Forward(&p)).Floats())
		at += n
	}
	b, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func lastLine(b []byte) []byte {
	b = bytes.TrimSpace(b)
	return b[bytes.LastIndexByte(b, '\n')+1:]
}
