package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/runs"
	"github.com/inkstone-ai/inkstone/runs/embedded"
)

func (a *app) embedded() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "embedded",
		Short: a.t("the small model that this program carries: its card; build makes one", "本程序自带的小模型：模型卡；build 训练一个"),
		Long: a.t("Prints the card of the model that generate, chat and complete use without --model: what it was trained for and on, how good it is, and its limits.\nOther verbs take it by the name embedded: inkstone convert embedded small.gguf.",
			"打印 generate、chat 和 complete 在没有 --model 时所用模型的模型卡：训练目的与数据、效果与局限。\n其他命令用名称 embedded 指它：inkstone convert embedded small.gguf。"),
		Example: `  inkstone embedded
  inkstone embedded --json`,
		RunE: func(*cobra.Command, []string) error { return a.printEmbedded(asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, a.t("print the card as one JSON object", "把模型卡打印为一个 JSON 对象"))
	c.AddCommand(a.embeddedBuild())
	return c
}

func (a *app) printEmbedded(asJSON bool) error {
	data, err := embedded.Card()
	if err != nil {
		return a.noModel(err)
	}
	var card runs.EmbeddedCard
	if err := json.Unmarshal(data, &card); err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(card)
	}
	_, err = fmt.Fprint(a.out, card.Markdown())
	return err
}

func (a *app) embeddedBuild() *cobra.Command {
	var o runs.Embedded
	var config string
	var minutes float64
	var seed uint64
	var asJSON bool
	c := &cobra.Command{
		Use:   "build --out DIR",
		Short: a.t("train the small model on the Go standard library's source", "用 Go 标准库源码训练小模型"),
		Long: a.t(`Trains a small model on the source of the Go installation and on conversations about the little world,
measures it on packages that it never saw beside a run of two minutes, quantises it, and writes its card.
The same command goes on after a break, whatever broke it. It needs the go command.
To carry it, copy `+embedded.ModelFile+` and `+embedded.CardFile+` to runs/embedded/model and build the program anew.`,
			`用本机 Go 安装的源码和小世界的对话训练一个小模型，在它从未见过的包上与两分钟的训练对照，
然后量化并写出模型卡。无论因何中断，同一命令都会继续。需要 go 命令。
要让程序自带它，把 `+embedded.ModelFile+` 和 `+embedded.CardFile+` 复制到 runs/embedded/model 并重新编译。`),
		Example: `  inkstone embedded build --out inkstone-go
  inkstone embedded build --out small --minutes 10 --seed 7`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&o.Out, "out", "", a.t("folder `DIR` of the run (required)", "训练文件夹 `DIR`（必填）"))
	f.Float64Var(&minutes, "minutes", 0, a.t("minutes of training; 0: 160 minutes of one core, on all threads together", "训练的分钟数；0 表示各线程合计 160 核分钟"))
	f.Uint64Var(&seed, "seed", 1, a.t("seed `N` of weights, cuts and batches", "权重、切分和批次的随机种子 `N`"))
	f.IntVar(&o.Threads, "threads", 0, a.t("`N` threads, 0: one for each core", "线程数 `N`，0 表示每核一个"))
	f.StringVar(&config, "config", "", a.t("JSON `FILE` with the settings; flags win over it", "含设置的 JSON 文件 `FILE`；命令行选项优先"))
	f.BoolVar(&asJSON, "json", false, a.t("print the card as one JSON object", "把模型卡打印为一个 JSON 对象"))
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		switch {
		case o.Out == "":
			return usagef("embedded build: --out DIR is missing; see '%s --help'", c.CommandPath())
		case !(minutes >= 0) || minutes > 1e6 || o.Threads < 0:
			return usagef("embedded build: --minutes and --threads must not be negative, nor --minutes more than a million")
		}
		if config != "" {
			if o.Settings, err = runs.ReadEmbeddedSettings(config); err != nil {
				return err
			}
		}
		override(f, "minutes", &o.Settings.Minutes, minutes)
		override(f, "seed", &o.Settings.Seed, seed)
		return a.buildEmbedded(c, o, asJSON)
	}
	return c
}

func (a *app) buildEmbedded(c *cobra.Command, o runs.Embedded, asJSON bool) error {
	var end func(bool)
	o.Watch, end = a.watchStages()
	o.Notice = a.notice
	card, err := o.Run(c.Context())
	end(err == nil)
	if err != nil {
		if exists(o.Out) {
			fmt.Fprintf(a.errs, a.t("the same command goes on from what %s holds\n", "同一命令会从 %s 中已有的内容继续\n"), o.Out)
		}
		return err
	}
	if asJSON {
		return a.printJSON(card)
	}
	if _, err := fmt.Fprint(a.out, card.Markdown()); err != nil {
		return err
	}
	fmt.Fprintf(a.errs, a.t("next: %s generate --model %s --prompt \"func main() {\"\n", "下一步：%s generate --model %s --prompt \"func main() {\"\n"), invocation(), quoted(o.Out+"/"+embedded.ModelFile))
	return nil
}

// ownModel is the path of the model that a verb uses: the one that was named, or the one that
// the program carries, of which it says what it is.
// c is the verb, nil where the model was asked for by name.
func (a *app) ownModel(c *cobra.Command, dir string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	path, err := embedded.File()
	if errors.Is(err, embedded.ErrNone) {
		if c == nil {
			return "", a.noModel(err)
		}
		return "", usagef("%s: --model DIR is missing, and %w", c.Name(), a.noModel(err))
	} else if err != nil {
		return "", err
	}
	fmt.Fprintln(a.errs, a.t("the model that this program carries: very small, trained on the Go standard library's source and on conversations about a little world; 'inkstone embedded' tells more",
		"本程序自带的模型：很小，用 Go 标准库源码和关于小世界的对话训练；详见 'inkstone embedded'"))
	return path, nil
}

// resolve is the path of the model that a user means, as [inkstone.Resolve] finds it; embedded,
// where nothing is called so, is the one that the program carries.
func (a *app) resolve(name string) (string, error) {
	if name == "embedded" && !exists(name) {
		return a.ownModel(nil, "")
	}
	return inkstone.Resolve(name)
}

// noModel says how to get what is missing.
func (a *app) noModel(err error) error {
	return fmt.Errorf("%w: 'inkstone embedded build --out DIR' trains one", err)
}
