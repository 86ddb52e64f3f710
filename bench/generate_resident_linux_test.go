package bench_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/bench"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// generateChild makes the test binary write some tokens with the model at the path that it holds, and print its
// highest resident memory.
const generateChild = "INKSTONE_BENCH_GENERATE"

const residentSlots, residentContext = 2, 256

// residentModel has 117 million parameters: a file of 124 MB, which would be seen if it were held twice.
var residentModel = gpt.LlamaConfig{Vocab: 8192, Width: 1024, Hidden: 4096, Layers: 6, Heads: 16, KVHeads: 16, Context: residentContext, Eps: 1e-5}

// TestGenerateResident holds memory to the file, keys and values, and 100 MB, of which larger models may take 30 more.
func TestGenerateResident(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.gguf")
	writeResident(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), generateChild+"="+path)
	out, err := cmd.CombinedOutput()
	peak, bad := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil || bad != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c := residentModel
	cache := residentSlots * residentContext * 2 * c.Layers * c.Width * 4
	t.Logf("file %d, keys and values %d, at most %d bytes", info.Size(), cache, peak)
	if info.Size() < 120e6 {
		t.Errorf("a file of %d bytes would not be seen twice", info.Size())
	}
	if most := int(info.Size()) + cache + 70e6; peak > most {
		t.Errorf("the process took %d bytes, %d more than the file, keys and values and 70 MB", peak, peak-most)
	}
}

func writeResident(t *testing.T, path string) {
	t.Helper()
	m, err := gpt.NewLlama(residentModel)
	if err != nil {
		t.Fatal(err)
	}
	d := tensor.CPU(0)
	defer d.Close()
	nn.Init(m, d, 1)
	if err := model.SaveGGUF(path, m, model.GGUFOptions{Type: func(format.Tensor) (format.DType, error) { return format.Q8_0, nil }}); err != nil {
		t.Fatal(err)
	}
}

func generateIn(path string) error {
	d := tensor.CPU(2)
	defer d.Close()
	loaded, err := model.Load(path, d)
	if err != nil {
		return err
	}
	defer loaded.Close()
	loaded.Pack()
	e, err := generate.NewEngine(loaded.LM, generate.Options{Slots: residentSlots, Context: residentContext})
	if err != nil {
		return err
	}
	defer e.Close()
	prompts := make([]generate.Request, residentSlots)
	for i := range prompts {
		prompts[i] = generate.Request{Prompt: make([]int32, residentContext-20), MaxTokens: 20}
		prompts[i].Prompt[0] = int32(i)
	}
	_, err = e.Run(context.Background(), prompts)
	fmt.Println(bench.Peak())
	return err
}
