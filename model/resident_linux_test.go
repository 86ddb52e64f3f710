package model_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/gpt"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestPackedFileIsGivenBack: after packing, no page of the file is resident, neither of what was packed nor of a tied
// head that is stored as well, which was read to compare it.
func TestPackedFileIsGivenBack(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	m, err := gpt.NewLlama(gpt.LlamaConfig{Vocab: 4000, Width: 256, Hidden: 512, Layers: 2, Heads: 4, KVHeads: 4, Context: 16, Eps: 1e-5, Tied: true})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 1)
	dir := t.TempDir()
	if err := model.Save(dir, m, model.Generation{}); err != nil {
		t.Fatal(err)
	}
	storeHead(t, filepath.Join(dir, "model.safetensors"))
	l, err := model.Load(dir, d)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := resident(t, dir); got < 4000 {
		t.Errorf("%d kB of the file are resident before: the head was not compared", got)
	}
	l.Pack()
	if got := resident(t, dir); got > 100 {
		t.Errorf("%d kB of the file are resident after packing", got)
	}
}

// storeHead adds the embedding to a file once more, as the head.
func storeHead(t *testing.T, path string) {
	t.Helper()
	f, err := format.OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []format.Tensor
	for _, name := range f.Names() {
		x, _ := f.Tensor(name)
		x.Data = append([]byte(nil), x.Data...)
		all = append(all, x)
		if name == "model.embed_tokens.weight" {
			x.Name = "lm_head.weight"
			all = append(all, x)
		}
	}
	if err := format.WriteSafetensors(path, nil, all); err != nil {
		t.Fatal(err)
	}
}

// resident is how many kB of the files below dir are mapped and in memory.
func resident(t *testing.T, dir string) (kB int) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ours := false
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		first, _, _ := strings.Cut(line, " ")
		switch {
		case !strings.HasSuffix(first, ":"): // a mapping; what follows is of it
			ours = strings.Contains(line, dir)
		case ours && strings.HasPrefix(line, "Rss:"):
			var n int
			if _, err := fmt.Sscanf(line, "Rss: %d kB", &n); err != nil {
				t.Fatal(err)
			}
			kB += n
		}
	}
	return kB
}
