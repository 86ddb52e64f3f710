package gpt_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestGGUFAbsurdLayers: a number of layers that no file has is refused before anything is made for them.
func TestGGUFAbsurdLayers(t *testing.T) {
	eachNamedPeer(t, func(t *testing.T, name string, c *peer, d *tensor.Device) {
		tt := ggufPeers[name]
		if tt.refused != "" {
			return
		}
		config := []byte(c.Config)
		if tt.key != "" {
			config = with(t, config, tt.key, tt.value)
		}
		if name == "smollm3" {
			config = with(t, config, "use_sliding_window", "false")
		}
		path := filepath.Join(t.TempDir(), "m.gguf")
		if err := model.SaveGGUF(path, peerModel(t, d, config), model.GGUFOptions{}); err != nil {
			t.Fatal(err)
		}
		g, err := format.OpenGGUF(path)
		if err != nil {
			t.Fatal(err)
		}
		meta := g.Meta()
		arch := meta["general.architecture"].(string)
		defer g.Close()
		var tensors []format.Tensor
		for _, name := range g.Names() {
			tensor, _ := g.Tensor(name)
			tensors = append(tensors, tensor)
		}
		for _, layers := range []any{int64(-1), int64(1 << 60), uint32(1 << 31), uint32(0)} {
			meta[arch+".block_count"] = layers
			bad := filepath.Join(t.TempDir(), "bad.gguf")
			if err := format.WriteGGUF(bad, meta, tensors, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := model.Load(bad, d); err == nil || !strings.Contains(err.Error(), "block_count") && !strings.Contains(err.Error(), "num_hidden_layers") {
				t.Errorf("%v layers: %v", layers, err)
			}
		}
	})
}
