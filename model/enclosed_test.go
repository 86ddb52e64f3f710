package model_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
)

// in puts more in front of all names.
func in(prefix string) func(map[string]format.Tensor) {
	return renamed(func(s string) string { return prefix + s })
}

// TestEnclosed: what is in front of all names of a file is taken away, whatever it is; nothing else is.
func TestEnclosed(t *testing.T) {
	d := tensor.Reference()
	tests := []struct {
		name, config string
		tensors      func(map[string]format.Tensor)
		err          string
	}{
		{"DataParallel", "llama", in("module."), ""},
		{"compiled", "gpt2", in("_orig_mod."), ""},
		{"both", "canon", in("module._orig_mod."), ""},
		{"a name of somebody's own", "gpt2", in("net.decoder."), ""},
		{"a base model", "llama", renamed(func(s string) string { return "module." + strings.TrimPrefix(s, "model.") }), ""},
		{"buffers", "llama", func(all map[string]format.Tensor) {
			all["model.layers.0.self_attn.rotary_emb.inv_freq"] = zeros(1)
			in("module.")(all)
		}, ""},
		{"one is not needed", "llama", func(all map[string]format.Tensor) {
			all["other"] = zeros(1)
			in("module.")(all)
		}, "1 tensors of the file are not of the model: other"},
		{"one lies beside", "llama", func(all map[string]format.Tensor) {
			in("module.")(all)
			all["other"] = zeros(1)
		}, "1 tensors of the file are not of the model: other"},
		{"one is there with and without", "llama", func(all map[string]format.Tensor) {
			in("module.")(all)
			all["lm_head.weight"] = zeros(11, 8)
		}, `tensors lm_head.weight and module.lm_head.weight of the file are both lm_head.weight without "module."`},
		{"one is missing", "llama", func(all map[string]format.Tensor) {
			in("module.")(all)
			delete(all, "module.lm_head.weight")
		}, "are not in the file: model.embed_tokens.weight, "},
		{"a name of many dots", "llama", func(all map[string]format.Tensor) { // each was tried on all names
			in(strings.Repeat(".", 1<<17))(all)
		}, "are not in the file"},
		{"two models", "gpt2", func(all map[string]format.Tensor) {
			ema := maps.Clone(all)
			in("ema.")(ema)
			in("net.")(all)
			maps.Copy(all, ema)
		}, "the file has the model more than once, under ema., net."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lm, dir := fresh(t, d, configs[tt.config]), t.TempDir()
			if err := model.Save(dir, lm, model.Generation{}); err != nil {
				t.Fatal(err)
			}
			rewrite(t, dir, tt.tensors)
			sameLoaded(t, d, dir, lm, tt.err)
		})
	}
}

// TestCheckpoint: of a training's checkpoint the dictionary that is the state_dict is read. What lies beside it is not
// the model's; what lies in it is.
func TestCheckpoint(t *testing.T) {
	d := tensor.Reference()
	lm, dir := fresh(t, d, configs["llama"]), t.TempDir()
	if err := model.Save(dir, lm, model.Generation{}); err != nil {
		t.Fatal(err)
	}
	weights := map[string]format.Tensor{}
	rewrite(t, dir, func(all map[string]format.Tensor) {
		for name, x := range all {
			x.Data = slices.Clone(x.Data)
			weights[name] = x
		}
	})
	if err := os.Remove(filepath.Join(dir, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	compiled, more := maps.Clone(weights), maps.Clone(weights)
	in("_orig_mod.")(compiled)
	more["other"] = zeros(1)
	state := map[string]format.Tensor{"exp_avg": zeros(2), "step": zeros()}
	for _, tt := range []struct {
		name string
		file map[string]map[string]format.Tensor
		err  string
	}{
		{"alone", map[string]map[string]format.Tensor{"state_dict": weights}, ""},
		{"beside an optimizer", map[string]map[string]format.Tensor{"model": weights, "optimizer": state}, ""},
		{"compiled", map[string]map[string]format.Tensor{"model": compiled, "optimizer": state}, ""},
		{"with more in it", map[string]map[string]format.Tensor{"model": more, "optimizer": state}, "1 tensors of the file are not of the model: other"},
		{"two", map[string]map[string]format.Tensor{"model": weights, "ema": weights}, "the file has the model more than once, under ema., model."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, "pytorch_model.bin"), checkpoint(tt.file), 0o666); err != nil {
				t.Fatal(err)
			}
			sameLoaded(t, d, dir, lm, tt.err)
		})
	}
}

// checkpoint is what torch.save of PyTorch before 1.6 writes of dictionaries of F32 tensors.
func checkpoint(file map[string]map[string]format.Tensor) []byte {
	const start = "\x80\x02"
	number := func(n int) string { return "J" + string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
	text := func(s string) string {
		return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
	}
	code, keys, data, storages := "}(", "](", "", 0
	for _, part := range slices.Sorted(maps.Keys(file)) {
		code += text(part) + "}("
		for _, name := range slices.Sorted(maps.Keys(file[part])) {
			x, key := file[part][name], text(fmt.Sprint(storages))
			storages++
			code += text(name) + "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" + key + text("cpu") + number(x.Len()) + "tQK\x00("
			strides, step := "", 1
			for i := len(x.Shape) - 1; i >= 0; i-- {
				strides, step = number(step)+strides, step*x.Shape[i]
			}
			for _, n := range x.Shape {
				code += number(n)
			}
			code += "t(" + strides + "t\x89NtR"
			keys += key
			data += string(binary.LittleEndian.AppendUint64(nil, uint64(x.Len()))) + string(x.Data)
		}
		code += "u"
	}
	magic := start + "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." + start + "M\xe9\x03." + start + "}."
	return []byte(magic + start + code + text("epoch") + "K\x03u." + start + keys + "e." + data)
}
