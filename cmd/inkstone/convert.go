package main

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/format"
)

func (a *app) convert() *cobra.Command {
	var o inkstone.ConvertOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "convert IN OUT [--type f32|f16|bf16]",
		Short: a.t("a model in another form: Hugging Face folder or GGUF file", "模型换一种格式：Hugging Face 文件夹或 GGUF 文件"),
		Long: a.t(`IN is a Hugging Face folder, a GGUF file (any shard stands for all) or ORG/NAME of the hub's cache; OUT is a GGUF file when its name
ends in .gguf, and a folder otherwise. Weights keep their type unless --type says another; quantised ones become f32 in a
folder. The tokenizer, its special tokens and the chat template go with the model. What one form
cannot hold of the other is said. OUT appears whole or not at all.`+"\n\n"+adapterEnglish+"\n\n"+shardsEnglish,
			`IN 为 Hugging Face 文件夹、GGUF 文件（任一分片代表全部）或模型库缓存中的 ORG/NAME；OUT 以 .gguf 结尾则写 GGUF 文件，否则写文件夹。
除非用 --type 指定，权重类型不变；写入文件夹时量化权重变为 f32。分词器、特殊符号和聊天模板一并转换。
某种格式无法容纳的内容会注明。OUT 要么完整出现，要么不出现。`+"\n\n"+adapterChinese+"\n\n"+shardsChinese),
		Example: `  inkstone convert model model.gguf
  inkstone convert model model-bf16.gguf --type bf16
  inkstone convert downloaded-Q8_0.gguf folder --type f16
  inkstone convert base merged --adapter lora
  inkstone convert model model.gguf --shard-size 2G`,
		Args: fromTo,
	}
	c.Flags().StringVar(&o.Type, "type", "", a.t("`TYPE` of the matrices: f32, f16, bf16, or of a GGUF file any of quantize's", "矩阵类型 `TYPE`：f32、f16、bf16；GGUF 文件也可用 quantize 的任一类型"))
	a.addConvertFlags(c, &o, &asJSON)
	return c
}

func (a *app) quantize() *cobra.Command {
	var o inkstone.ConvertOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "quantize [--type TYPE] [--imatrix TEXT] IN OUT.gguf",
		Short: a.t("a model with weights of fewer bits, as a GGUF file", "减少权重位数的模型，写为 GGUF 文件"),
		Long: a.t(`Writes the model IN, a Hugging Face folder or a GGUF file, with matrices of fewer bits. Types ending in _S and _M mix
types as llama.cpp's presets do: matrices that errors hurt most have more bits. --imatrix runs the model over
a text and lets the columns count that matter there.`+"\n\n"+adapterEnglish+"\n\n"+shardsEnglish,
			`将模型 IN（Hugging Face 文件夹或 GGUF 文件）的矩阵以更少的位数写出。以 _S 和 _M 结尾的类型与 llama.cpp 的预设相同，
混合多种类型：对误差最敏感的矩阵位数更多。--imatrix 让模型读一段文本，按各列在其中的重要性量化。`+"\n\n"+adapterChinese+"\n\n"+shardsChinese),
		Example: `  inkstone quantize model model-Q4_K_M.gguf
  inkstone quantize --type Q8_0 model model-Q8_0.gguf
  inkstone quantize --type Q4_0 --imatrix book.txt model.gguf small.gguf`,
		Args: fromTo,
	}
	c.Flags().StringVar(&o.Type, "type", "Q4_K_M", a.t("`TYPE` of the matrices: ", "矩阵类型 `TYPE`：")+strings.Join(inkstone.Recipes(), ", "))
	c.Flags().StringVar(&o.Calibration, "imatrix", "", a.t("a `TEXT` file to measure the importance of columns on", "用于测量各列重要性的文本文件 `TEXT`"))
	c.Flags().IntVar(&o.CalibrationTokens, "imatrix-tokens", 50000, a.t("read at most `N` tokens of it, 0: all", "最多读取其中 `N` 个词元，0 表示全部"))
	a.addConvertFlags(c, &o, &asJSON)
	return c
}

// What --shard-size does, in both verbs' help.
const (
	shardsEnglish = `With --shard-size a GGUF file NAME.gguf is written as NAME-00001-of-00003.gguf and so on, as llama.cpp's gguf-split
does, also where one shard is enough; every verb takes any one of them for all. A folder has
model-00001-of-00003.safetensors and an index, or model.safetensors where that is enough. SIZE counts weights; a larger
tensor has a file of its own.`
	shardsChinese = `使用 --shard-size 时，GGUF 文件 NAME.gguf 写成 NAME-00001-of-00003.gguf 等分片，与 llama.cpp 的 gguf-split 相同，只需一片时也编号；
各动词接受任一分片代表全部。文件夹则写 model-00001-of-00003.safetensors 等与索引，一个文件足够时写 model.safetensors。SIZE 只计权重；
更大的张量独占一个文件。`
)

// fromTo are IN and OUT.
func fromTo(_ *cobra.Command, args []string) error {
	if len(args) == 1 {
		return fmt.Errorf("accepts 2 args, and OUT is missing: give the name of a new file that ends in .gguf, or of a new folder")
	}
	if slices.Contains(args, "") {
		return errors.New("IN or OUT is empty, as a variable of the shell is that is not set")
	}
	return cobra.ExactArgs(2)(nil, args)
}

// addConvertFlags adds what both verbs have, and their run.
func (a *app) addConvertFlags(c *cobra.Command, o *inkstone.ConvertOptions, asJSON *bool) {
	a.addAdapterFlag(c.Flags(), &o.Adapters)
	c.Flags().IntVar(&o.Threads, "threads", 0, a.t("processors to use, 0: all", "使用的处理器数，0 表示全部"))
	c.Flags().Var(&byteSize{&o.ShardSize}, "shard-size", a.t("write files of at most `SIZE` of weights: bytes, 500M, 2G", "每个文件最多写入 `SIZE` 的权重：字节数、500M、2G"))
	c.Flags().BoolVar(asJSON, "json", false, a.t("print one JSON object", "打印一个 JSON 对象"))
	c.RunE = func(c *cobra.Command, args []string) error {
		if c.Name() == "quantize" && !format.NamesGGUF(args[1]) {
			return usagef("%s: quantised weights are written to a GGUF file; give a name that ends in .gguf", args[1])
		}
		if o.Threads < 0 || o.CalibrationTokens < 0 {
			return usagef("%s: --threads and --imatrix-tokens must not be negative", c.Name())
		}
		in, err := a.resolve(args[0])
		if err != nil {
			return err
		}
		if o.Adapters, err = adapters(o.Adapters); err != nil {
			return err
		}
		p := a.convertProgress()
		if o.Progress = p.show; in != args[0] {
			o.Name = filepath.Base(args[0]) // that of the hub's cache; its folder is called by the commit
		}
		r, err := inkstone.Convert(in, args[1], o)
		if err != nil {
			return err
		}
		p.end()
		if *asJSON {
			return a.printJSON(r)
		}
		return a.printConversion(r)
	}
}

// converting shows a bar for each stage.
type converting struct {
	app   *app
	stage string
	bar   *progress
}

func (a *app) convertProgress() *converting { return &converting{app: a} }

func (p *converting) show(stage string, done, all int64) {
	if stage != p.stage {
		p.end()
		name := map[string]string{"write": p.app.t("converting", "转换"), "calibrate": p.app.t("calibrating", "校准")}[stage]
		p.stage, p.bar = stage, p.app.startProgress(name)
	}
	unit := p.app.t("tokens", "词元")
	if stage == "write" {
		unit, done, all = "MB", done/1e6, all/1e6
	}
	p.bar.show(float64(done)/float64(max(all, 1)), fmt.Sprintf("%s/%s %s", thousands(done), thousands(all), unit))
}

func (p *converting) end() {
	if p.bar != nil {
		p.bar.end("")
	}
}

// shardsOf is the path of what was written, and how many shards that is.
func (a *app) shardsOf(r *inkstone.Conversion) string {
	if r.Shards == 0 {
		return r.Path
	}
	return fmt.Sprintf(a.t("%s (shards: %d)", "%s（分片：%d）"), r.Path, r.Shards)
}

func (a *app) printConversion(r *inkstone.Conversion) error {
	var types []string
	for _, t := range slices.Sorted(maps.Keys(r.Tensors)) {
		types = append(types, fmt.Sprintf("%d %s", r.Tensors[t], t))
	}
	bits := float64(8*r.Bytes) / float64(max(r.Parameters, 1))
	fmt.Fprintf(a.out, a.t("%s: %s, %s parameters, %.1f MB of weights, %.2f bits each; tensors: %s\n", "%s：%s，%s 个参数，权重 %.1f MB，每个 %.2f 位；张量：%s\n"),
		a.shardsOf(r), r.Type, thousands(int64(r.Parameters)), float64(r.Bytes)/1e6, bits, strings.Join(types, ", "))
	for _, n := range r.Notes {
		fmt.Fprintln(a.errs, a.t("note: ", "注意：")+a.phrase(n))
	}
	return nil
}
