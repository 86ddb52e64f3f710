package vision_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/vision"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestTransformers lets Hugging Face's transformers load the ViT that SaveEncoder writes,
// compares the logits, and reads what transformers writes of it. It runs where python3
// has that library. Its images are square: transformers reads no others by default.
func TestTransformers(t *testing.T) {
	if out, err := exec.Command("python3", "-c", "import transformers").CombinedOutput(); err != nil {
		out = bytes.TrimSpace(out)
		t.Skipf("python3 cannot import transformers: %v %s", err, out[bytes.LastIndexByte(out, '\n')+1:])
	}
	d := tensor.Reference()
	defer d.Close()
	m, err := vision.NewViT(vision.ViTConfig{Size: [2]int{6, 6}, Patch: 3, Channels: 3, Width: 8, Layers: 2, Heads: 2, Labels: vision.NewLabels([]string{"a", "b", "c"})})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 1)
	for i, p := range nn.Params(m) { // no bias is 0 and no gain 1
		p.Tensor.FillNormal(uint64(i), 0.3)
	}
	x := tensor.New(d, 2, 6, 6, 3)
	x.FillNormal(7, 0.3)
	logits := func(m model.Classifier) []float32 {
		s := tensor.NewStep(d, tensor.StepOptions{})
		defer s.Close()
		s.Begin(0)
		return m.Logits(m.Features(s, s.Use(x), false)).Floats()
	}
	dir, back := t.TempDir(), t.TempDir()
	if err := model.SaveEncoder(dir, m); err != nil {
		t.Fatal(err)
	}
	run, err := json.Marshal(map[string]any{"images": nested(x.Floats(), 2, 6, 6, 3), "logits": nested(logits(m), 2, 3)})
	if err != nil {
		t.Fatal(err)
	}
	check := exec.Command("python3", filepath.Join("testdata", "check_transformers.py"), dir, back)
	check.Stdin = bytes.NewReader(run)
	out, err := check.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(back, "config.json")); err == nil {
		t.Logf("%s", b)
	}
	o, err := model.Open[model.Classifier](back, d)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	testkit.SameBits(t, "logits", logits(o.Model), logits(m))
}

// nested are numbers as lists in lists.
func nested(x []float32, shape ...int) any {
	if len(shape) == 1 {
		return x
	}
	var list []any
	n := len(x) / shape[0]
	for i := range shape[0] {
		list = append(list, nested(x[i*n:(i+1)*n], shape[1:]...))
	}
	return list
}
