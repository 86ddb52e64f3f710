package bert_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestTransformers lets Hugging Face's transformers load what SaveEncoder writes for
// every head, compares the outputs, and reads what transformers writes of the same
// model. It runs where python3 has that library.
func TestTransformers(t *testing.T) {
	if out, err := exec.Command("python3", "-c", "import transformers").CombinedOutput(); err != nil {
		out = bytes.TrimSpace(out)
		t.Skipf("python3 cannot import transformers: %v %s", err, out[bytes.LastIndexByte(out, '\n')+1:])
	}
	for _, name := range []string{"masked", "sequences", "tokens", "answers"} {
		t.Run(name, func(t *testing.T) {
			g := readGolden(t, name)
			d := tensor.Reference()
			defer d.Close()
			m, dir, back := g.trainable(t, d), t.TempDir(), t.TempDir()
			if err := model.SaveEncoder(dir, m); err != nil {
				t.Fatal(err)
			}
			check := exec.Command("python3", filepath.Join("testdata", "check_transformers.py"), dir, back)
			check.Stdin = bytes.NewReader(g.run(t, m, d))
			out, err := check.CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Fatal(err)
			}
			testkit.SameBits(t, "activations", g.activations(t, back, d), g.activations(t, dir, d))
		})
	}
}

// run is the input of check_transformers.py.
func (g *golden) run(t *testing.T, m *bert.BERT, d *tensor.Device) []byte {
	t.Helper()
	var run struct {
		IDs     [][]int32   `json:"ids"`
		Types   [][]int32   `json:"types"`
		Outputs [][]float32 `json:"outputs"`
	}
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	at := 0
	for _, n := range g.Lengths {
		s.Begin(0)
		var p nn.Pass
		p.Set(s, g.IDs[at:at+n], nn.Span{Rows: n})
		p.Types = p.Ints(g.Types[at : at+n])
		run.IDs, run.Types = append(run.IDs, g.IDs[at:at+n]), append(run.Types, g.Types[at:at+n])
		run.Outputs = append(run.Outputs, everyRow(m, &p).Floats())
		at += n
	}
	b, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// everyRow is what the head says of a pass, the head of words for every token.
func everyRow(m *bert.BERT, p *nn.Pass) *tensor.Tensor {
	x := m.Forward(p)
	switch m.Task() {
	case bert.FillMask:
		return m.Logits(x)
	case bert.Answers:
		return m.Answer(x)
	}
	return m.Classes(p, x)
}
