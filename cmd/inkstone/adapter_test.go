package main

import (
	"math/rand/v2"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/inkstone-ai/inkstone/format"
)

// lora writes a random adapter of the attention of a Llama's folder, in the form of PEFT.
func lora(ts *testscript.TestScript, _ bool, args []string) {
	dir, r := ts.MkAbs(args[0]), rand.New(rand.NewPCG(1, 2))
	w, err := format.OpenWeights(ts.MkAbs(args[1]))
	ts.Check(err)
	defer w.Close()
	const rank = 2
	var tensors []format.Tensor
	add := func(name string, shape ...int) {
		x := make([]float32, shape[0]*shape[1])
		for i := range x {
			x[i] = float32(r.NormFloat64() * 0.3)
		}
		tensors = append(tensors, format.FromF32("base_model.model."+name, x, shape...))
	}
	for _, name := range w.Names() {
		if module, ok := strings.CutSuffix(name, ".weight"); ok && (strings.HasSuffix(module, "q_proj") || strings.HasSuffix(module, "v_proj")) {
			t, _ := w.Tensor(name)
			add(module+".lora_A.weight", rank, t.Shape[1])
			add(module+".lora_B.weight", t.Shape[0], rank)
		}
	}
	ts.Check(os.MkdirAll(dir, 0o777))
	ts.Check(format.WriteSafetensors(dir+"/adapter_model.safetensors", nil, tensors))
	ts.Check(os.WriteFile(dir+"/adapter_config.json", []byte(`{"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "v_proj"], "base_model_name_or_path": "org/base"}`), 0o666))
}
