package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/spf13/cobra"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/generate"
)

func (a *app) generate() *cobra.Command {
	var o inkstone.GenerateOptions
	var dir, prompt string
	var n, threads, top int
	var echo, asJSON bool
	var e engineFlags
	var bias []string
	c := &cobra.Command{
		Use:   "generate [--model DIR] --prompt TEXT",
		Short: a.t("continue a text", "续写文本"),
		Long: a.t("Prints the continuation alone on standard output as it is written; all else goes to standard error.\nThe prompt - is read from standard input.\nAn encoder–decoder (seq2seq) translates each line of the prompt.\nA GAN writes images to --out, a model of clips (convlstm) a clip of the digit that the prompt names.\nA model of pictures from pictures (inpaint, pix2pix) writes to --out what it makes of the picture that the prompt names.\nA model of speech (ctc, audio-cnn) writes down what is said in the WAV files that the prompt names.\nA model of several modalities (fusion, contrastive, caption) says what is shown by the lines of the prompt: pictures, .wav files, names.",
			"在标准输出上逐步打印续写，其余信息写到标准错误。\n提示为 - 时从标准输入读取。\n编码器–解码器（seq2seq）翻译提示的每一行。\nGAN 把图像写入 --out，视频模型（convlstm）写入提示所指数字的片段。\n由图像生成图像的模型（inpaint、pix2pix）把提示所指图像的结果写入 --out。\n语音模型（ctc、audio-cnn）写出提示所指 WAV 文件的内容。\n多模态模型（fusion、contrastive、caption）说出提示各行（图片、.wav 文件、名称）所示的是什么。"),
		Example: `  inkstone generate --model model --prompt "To be" --max-tokens 100 --temperature 0.8 --top-p 0.95
  inkstone generate --model model --prompt "func main() {" --echo --stop "func "
  inkstone generate --model model --prompt - --lookup 8 --cache-type q8_0 --prompt-cache prompt.cache < long.txt
  inkstone generate --model model --prompt "To be" --draft-model small --temperature 0.8 --json
  inkstone generate --model base --adapter lora --prompt "To be"
  inkstone generate --model translator --prompt "Where is the station?" --beam 4 --length-penalty 0.6 --alignment look.png
  echo "春眠" | inkstone generate --model model --prompt - -n 3 --temperature 1 --json
  inkstone generate --model gan --class 7 -n 20 --out sevens.png
  inkstone generate --model inpaint --prompt torn.png --mask torn-mask.png --out whole.png
  inkstone generate --model clips --prompt 7 --direction 45 --out seven.gif
  inkstone generate --model speech --prompt recording.wav --beam 8 --plot heard.png`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&dir, "model", "", a.t("`DIR` of the model (default: the one that this program carries)", "模型文件夹 `DIR`（默认：本程序自带的模型）"))
	f.StringVar(&prompt, "prompt", "", a.t("`TEXT` to continue, - reads it from standard input", "要续写的文本 `TEXT`，- 表示从标准输入读取"))
	f.IntVar(&o.MaxTokens, "max-tokens", 0, a.t("at most `N` tokens, 0: to the end of text or of the context window", "最多 `N` 个词元，0 表示直到文本结束或上下文写满"))
	f.StringArrayVar(&o.Stop, "stop", nil, a.t("`TEXT` that ends the continuation and is not printed, may be repeated", "遇到即停止且不打印的文本 `TEXT`，可多次给出"))
	f.IntVarP(&n, "number", "n", 1, a.t("`N` continuations", "续写 `N` 份"))
	f.BoolVar(&o.Special, "special", false, a.t("special tokens written in the prompt are meant as such", "提示中写出的特殊符号按特殊符号处理"))
	f.BoolVar(&echo, "echo", false, a.t("print the prompt first", "先打印提示"))
	f.IntVar(&threads, "threads", 0, a.t("`N` threads, 0: one for each core", "线程数 `N`，0 表示每核一个"))
	f.IntVar(&top, "logprobs", 1, a.t("with --json: list the `N` likeliest tokens at each place", "与 --json 合用：每处列出最可能的 `N` 个词元"))
	f.BoolVar(&asJSON, "json", false, a.t("print one object a continuation, with each token's log-probability", "每份续写打印一个对象，含每个词元的对数概率"))
	f.BoolVar(&o.Shift, "shift", false, a.t("where the window is full drop the older half of the text and go on; needs --max-tokens", "上下文写满时丢弃较早的一半文本并继续；需给出 --max-tokens"))
	f.IntVar(&o.Keep, "keep", 0, a.t("with --shift: the first `N` tokens stay", "与 --shift 合用：保留最前面的 `N` 个词元"))
	f.StringVar(&o.PromptCache, "prompt-cache", "", a.t("`FILE` of the prompt's keys and values: read where it is there, else written", "提示的键值缓存文件 `FILE`：存在则读取，否则写入"))
	a.addSamplingFlags(f, &o.Sampling, &bias)
	a.addEngineFlags(f, &e)
	a.addBeamFlags(f)
	a.addVideoGenerateFlags(f)
	a.addGANGenerateFlags(f)
	a.addPictureGenerateFlags(f)
	a.addSpeechGenerateFlags(f)
	a.addShared(c)
	f.String("alignment", "", a.t("of seq2seq: draw to `FILE`.png which source tokens each token of the target came from", "seq2seq：画出目标的每个词元来自源句哪些词元，写入 `FILE`.png"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		if n < 1 || o.MaxTokens < 0 || threads < 0 || top < 1 {
			return usagef("generate: -n and --logprobs must be positive, --max-tokens and --threads not negative")
		}
		switch {
		case o.Shift && o.PromptCache != "":
			return usagef("generate: --shift drops tokens of a prompt, --prompt-cache keeps the whole of it: leave one of them")
		case slices.Contains(o.Stop, ""):
			return usagef("generate: --stop \"\": every text contains it")
		}
		if err := checkSampling(&o.Sampling, bias); err != nil {
			return err
		}
		switch changed := c.Flags().Changed; {
		case changed("keep") && !o.Shift:
			return usagef("generate: --keep is of --shift; give both")
		case o.Shift && o.MaxTokens == 0:
			return usagef("generate: --shift goes on without an end: it needs --max-tokens N")
		case changed("logprobs") && !asJSON:
			return usagef("generate: --logprobs is of --json; give both")
		}
		load, err := e.options(c, threads, &o.Drafts)
		if err != nil {
			return err
		}
		if prompt == "-" {
			b, err := io.ReadAll(a.in)
			if err != nil {
				return err
			}
			prompt = string(b)
		}
		if asJSON {
			o.LogProbs = top
		}
		if dir, err = a.ownModel(c, dir); err != nil {
			return err
		}
		kind := inkstone.Kind(dir)
		if own := a.familyOf(kind); kind != "" { // else there is no such folder, which is said below
			if err := refuseForeign(c, own.name, commonGenerate, own.generateFlags); err != nil {
				return err
			}
		}
		if f := a.family(kind); f != nil {
			return f.generate(c, generateRequest{dir, prompt, n, threads, asJSON, o})
		}
		m, err := inkstone.Load(dir, load)
		if err != nil {
			return err
		}
		defer m.Close()
		if n > 1 && o.Sampling.Temperature == 0 {
			fmt.Fprintln(a.errs, a.t("without --temperature nothing is drawn: the continuations are the same", "未给出 --temperature 时不采样：各份续写相同"))
		}
		for i := range n {
			o.Sampling.Stream = uint64(i)
			watch := newStopwatch()
			tokens := watch.around(m.Generate(c.Context(), prompt, o))
			if asJSON {
				err = a.generateJSON(m, prompt, tokens, watch)
			} else {
				err = a.stream(c.Context(), prefix(echo, prompt), tokens, n > 1)
			}
			if errors.Is(err, generate.ErrTooLong) {
				return fmt.Errorf("%w%s", err, a.t(": give a shorter one, or --shift with --max-tokens, which drops its beginning", "：请缩短提示，或用 --shift 与 --max-tokens 丢弃其开头"))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return c
}

func prefix(echo bool, prompt string) string {
	if echo {
		return prompt
	}
	return ""
}

// stream prints a continuation as it comes, and on standard error why it ended
// where that is not plain.
func (a *app) stream(ctx context.Context, before string, tokens iter.Seq2[generate.Token, error], newline bool) error {
	if _, err := io.WriteString(a.out, before); err != nil {
		return err
	}
	for t, err := range tokens {
		if err != nil {
			if isTerminal(a.out) {
				fmt.Fprintln(a.out)
			}
			return err
		}
		if _, err := io.WriteString(a.out, t.Text); err != nil {
			return err
		}
		if u := t.Usage; u != nil && u.Dropped > 0 {
			defer fmt.Fprintf(a.errs, a.t("the context window was full: tokens dropped: %d\n", "上下文窗口写满过：丢弃了 %d 个词元\n"), u.Dropped)
		}
		if t.Finish == generate.ContextFull {
			defer fmt.Fprintln(a.errs, a.t("ended: the context window is full", "结束：上下文窗口已满"))
		}
	}
	if newline || isTerminal(a.out) {
		fmt.Fprintln(a.out)
	}
	return nil
}

// A continuation is what generate --json prints.
type continuation struct {
	Prompt string          `json:"prompt"`
	Text   string          `json:"text"`
	Finish generate.Finish `json:"finish_reason"`
	took
	Tokens []scored `json:"tokens"`
}

type scored struct {
	ID      int32    `json:"id"`
	Token   string   `json:"token"`
	LogProb float32  `json:"logprob"`
	Top     []scored `json:"top,omitempty"`
}

func (a *app) generateJSON(m *inkstone.Model, prompt string, tokens iter.Seq2[generate.Token, error], watch *stopwatch) error {
	r := continuation{Prompt: prompt, Tokens: []scored{}}
	one := func(id int32, p float32) scored {
		b, _ := m.Tokenizer().Token(id)
		return scored{ID: id, Token: readable(b), LogProb: p}
	}
	for t, err := range tokens {
		if err != nil {
			return err
		}
		s := one(t.ID, t.LogProb)
		for _, other := range t.Top {
			s.Top = append(s.Top, one(other.ID, other.LogProb))
		}
		r.Text += t.Text
		r.took = watch.took(t.Usage)
		r.Tokens, r.Finish = append(r.Tokens, s), t.Finish
	}
	return a.printJSON(r)
}
