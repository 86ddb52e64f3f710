package main

import (
	"github.com/spf13/pflag"

	"github.com/inkstone-ai/inkstone"
)

// addAdapterFlag adds --adapter.
func (a *app) addAdapterFlag(f *pflag.FlagSet, dirs *[]string) {
	f.StringArrayVar(dirs, "adapter", nil, a.t("`DIR` of a LoRA adapter in the form of PEFT that is added to the weights; may be repeated, in order", "加到权重上的 PEFT 格式 LoRA 适配器文件夹 `DIR`；可多次给出，依次相加"))
}

// adapters are the folders that a user means, as [inkstone.Resolve] finds them.
func adapters(dirs []string) (found []string, err error) {
	for _, dir := range dirs {
		if dir, err = inkstone.Resolve(dir); err != nil {
			return nil, err
		}
		found = append(found, dir)
	}
	return found, nil
}

// What --adapter does, in the help of the verbs that write and compare models.
const (
	adapterEnglish = `--adapter adds a LoRA adapter, a folder that Hugging Face's PEFT library wrote (adapter_config.json and
adapter_model.safetensors or .bin): W' = W + s·B·A. The sum is computed in F32 and rounded once, to the type that is written.`
	adapterChinese = `--adapter 加上一个 LoRA 适配器，即 Hugging Face 的 PEFT 库写出的文件夹（adapter_config.json 与
adapter_model.safetensors 或 .bin）：W' = W + s·B·A。和以 F32 计算，只舍入一次，到所写出的类型。`
)
