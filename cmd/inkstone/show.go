package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
)

func (a *app) show() *cobra.Command {
	var asJSON, template bool
	c := &cobra.Command{
		Use:   "show MODEL",
		Short: a.t("what a model is: architecture, parameters, context, types, licence, tensors", "模型的情况：架构、参数、上下文、类型、许可证、张量"),
		Long: a.t(`Reads what a model's files say of it, without its weights: of a folder, a .gguf, ORG/NAME of the hub's cache, or
a file of weights alone (.safetensors, PyTorch's .pt and .bin, NumPy's .npy and .npz). In the table of tensors
layers of one shape share a line; --json has every tensor.`,
			`读取模型文件所述的情况，不读权重：文件夹、.gguf、模型库缓存中的 ORG/NAME，或单独的权重文件（.safetensors、
PyTorch 的 .pt 和 .bin、NumPy 的 .npy 和 .npz）。张量表中形状相同的各层合为一行；--json 列出每个张量。`),
		Example: `  inkstone show model
  inkstone show HuggingFaceTB/SmolLM2-135M-Instruct --template
  inkstone show model.gguf --json`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().BoolVar(&template, "template", false, a.t("print the chat template and nothing else", "只打印对话模板"))
	c.Flags().BoolVar(&asJSON, "json", false, a.t("print one JSON object", "打印一个 JSON 对象"))
	c.RunE = func(_ *cobra.Command, args []string) error {
		path, err := a.resolve(args[0])
		if err != nil {
			return err
		}
		d, err := inkstone.Describe(path)
		switch {
		case err != nil:
			return err
		case template && d.Template == "":
			return fmt.Errorf("show: %s has no chat template", path)
		case template:
			_, err := fmt.Fprintln(a.out, strings.TrimSuffix(d.Template, "\n"))
			return err
		case asJSON:
			return a.printJSON(d)
		}
		return a.printDescription(d)
	}
	return c
}

func (a *app) printDescription(d *inkstone.Description) error {
	rows := []row{{"path", "路径", d.Path}}
	add := func(en, zh, value string) {
		if strings.ContainsFunc(value, unicode.IsControl) { // a stranger's, for the terminal
			value = strconv.Quote(value)
		}
		if value != "" && value != "0" {
			rows = append(rows, row{en, zh, value})
		}
	}
	kind := d.Type
	if kind != "" && !d.Known {
		kind += a.t(" (this program does not run it)", "（本程序不能运行）")
	}
	add("model type", "模型类型", kind)
	add("does not run", "不能运行", d.Refused)
	add("architecture", "架构", d.Arch)
	add("name", "名称", d.Name)
	add("parameters", "参数", thousands(int64(d.Parameters)))
	add("layers", "层数", fmt.Sprint(d.Layers))
	add("width", "宽度", thousands(int64(d.Width)))
	add("context", "上下文", thousands(int64(d.Context)))
	add("vocabulary", "词表", thousands(int64(d.Vocabulary)))
	add("types", "类型", strings.Join(d.TypeNames(), ", "))
	add("size", "大小", size(int64(d.Bytes)))
	add("licence", "许可证", d.Licence)
	if d.Template != "" {
		add("chat template", "对话模板", fmt.Sprintf(a.t("%d bytes; --template prints it", "%d 字节；用 --template 打印"), len(d.Template)))
	}
	if err := a.table(rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "\n%s", d.Table())
	return err
}
