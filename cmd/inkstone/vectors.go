package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/model/wordvec"
)

// wordVectors is the family of word2vec and GloVe; wordvec names it whole.
func (a *app) wordVectors() family {
	return family{
		name: "word vectors", types: []string{"wordvec", "word2vec", "glove"},
		train: a.trainVectors, generate: a.generateVectors, eval: a.evalVectors,
		trainFlags:    []string{"algorithm", "dimension", "epochs", "eval-every", "adversarial", "epsilon", "replays"}, // the last three to say why not
		generateFlags: []string{"prompt", "number", "json"},
	}
}

// addVectorFlags adds what train has for word vectors alone.
func (a *app) addVectorFlags(f *pflag.FlagSet, o *trainFlags) {
	f.StringVar(&o.algorithm, "algorithm", "", a.t("of word vectors: `NAME` skipgram, cbow or glove (default skipgram)", "词向量的算法 `NAME`：skipgram、cbow 或 glove（默认 skipgram）"))
	f.IntVar(&o.dimension, "dimension", 0, a.t("of word vectors: `N` numbers each (default 100)", "词向量的维数 `N`（默认 100）"))
	f.IntVar(&o.epochs, "epochs", 0, a.t("of word vectors: go through the text `N` times (default 15)", "词向量：文本读 `N` 遍（默认 15）"))
}

// vectorSettings joins the config file and the flags that were given.
func (r trainRequest) vectorSettings(c *cobra.Command) (s inkstone.VectorSettings, err error) {
	f := c.Flags()
	for _, name := range []string{"adversarial", "epsilon", "replays"} {
		if f.Changed(name) {
			return s, usagef("train: --%s is not of word vectors: an adversary moves the embeddings that a network reads, and here they are all there is, with nothing behind them to make steadier", name)
		}
	}
	if r.threads < 0 || r.dimension < 0 || r.epochs < 0 || r.evalEvery < 0 || r.checkpointEvery < 0 {
		return s, usagef("train: a negative number for --threads, --dimension, --epochs, --eval-every or --checkpoint-every")
	}
	if r.config != "" {
		if s, err = inkstone.ReadVectorSettings(r.config); err != nil {
			return s, err
		}
	}
	override(f, "algorithm", &s.Algorithm, r.algorithm)
	if r.kind == inkstone.GloVe && s.Algorithm == "" {
		s.Algorithm = inkstone.GloVe
	}
	if glove := s.Algorithm == inkstone.GloVe; r.kind == "word2vec" && glove || r.kind == inkstone.GloVe && !glove {
		return s, usagef("train: the model type is %s and the algorithm %s", r.kind, s.Algorithm)
	}
	override(f, "dimension", &s.Dimension, r.dimension)
	override(f, "epochs", &s.Epochs, r.epochs)
	override(f, "seed", &s.Seed, r.seed)
	override(f, "eval-every", &s.EvalEvery, r.evalEvery)
	override(f, "checkpoint-every", &s.CheckpointEvery, r.checkpointEvery)
	return s, nil
}

func (a *app) trainVectors(c *cobra.Command, r trainRequest) error {
	s, err := r.vectorSettings(c)
	switch {
	case err != nil:
		return err
	case len(r.data) == 0:
		return usagef("train: --data PATH is missing; see '%s --help'", c.CommandPath())
	case r.out == "":
		return usagef("train: --out DIR is missing; see '%s --help'", c.CommandPath())
	}
	fmt.Fprintln(a.errs, a.t("reading the text and counting its words …", "正在读取文本并统计词频 …"))
	w := &runWatch{app: a}
	done, err := inkstone.TrainVectors(c.Context(), inkstone.VectorOptions{
		Data: r.data, Stdin: a.in, Out: r.out, Settings: s, Threads: r.threads, Resume: r.resume,
		Planned: w.planned, Progress: w.step, Notice: a.notice,
	})
	if w.bar != nil {
		w.bar.end(fmt.Sprintf(a.t("loss %.4f%s", "损失 %.4f%s"), w.loss, w.held))
	}
	if err != nil {
		a.explain(err, r.out)
		return err
	}
	if r.asJSON {
		return a.printJSON(done)
	}
	fmt.Fprintf(a.out, a.t("%s: %d steps, held-out loss %.4f at the end\n", "%s：%d 步，结束时留出损失 %.4f\n"), done.Dir, done.Steps, *done.Best)
	fmt.Fprintf(a.errs, a.t("next:", "下一步：")+"\n  %s generate --model %s --prompt %s\n", invocation(), quoted(done.Dir), quoted(knownWord(done.Dir)))
	return nil
}

// knownWord is a word that the vectors of a folder have, to ask for first: king, or the
// commonest of four letters or more, or, as in Chinese, the commonest at all.
func knownWord(dir string) string {
	v, err := inkstone.LoadVectors(dir, &inkstone.LoadOptions{Threads: 1})
	if err != nil {
		return "king"
	}
	defer v.Close()
	isWord := func(least int) func(string) bool {
		return func(w string) bool {
			letters := []rune(w)
			return len(letters) >= least && !slices.ContainsFunc(letters, func(r rune) bool { return !unicode.IsLetter(r) })
		}
	}
	for _, fits := range []func(string) bool{func(w string) bool { return w == "king" }, isWord(4), isWord(1)} {
		if i := slices.IndexFunc(v.Words(), fits); i >= 0 {
			return v.Words()[i]
		}
	}
	return "king"
}

// neighbours is what generate --json prints of word vectors.
type neighbours struct {
	Prompt  string          `json:"prompt"`
	Nearest []wordvec.Match `json:"nearest"`
}

// generateVectors prints the words nearest to a word, or to words added and taken
// away: as many as -n says, ten without it.
func (a *app) generateVectors(c *cobra.Command, r generateRequest) error {
	if strings.TrimSpace(r.prompt) == "" {
		return usagef(`generate: --prompt is missing: a word, or such as "king - man + woman"`)
	}
	q, err := wordvec.ParseQuery(r.prompt)
	if err != nil {
		return err
	}
	n := r.numberOr(c, 10)
	v, err := inkstone.LoadVectors(r.dir, &inkstone.LoadOptions{Threads: r.threads})
	if err != nil {
		return err
	}
	defer v.Close()
	found, err := v.Nearest(q, n)
	if err != nil {
		return err
	}
	if r.asJSON {
		return a.printJSON(neighbours{strings.TrimSpace(r.prompt), found})
	}
	rows := make([]row, len(found))
	for i, m := range found {
		rows[i] = row{m.Word, m.Word, fmt.Sprintf("%.4f", m.Cosine)}
	}
	return a.table(rows)
}

func (a *app) evalVectors(c *cobra.Command, dir string, threads int, asJSON bool, o inkstone.EvaluateOptions) error {
	v, err := inkstone.LoadVectors(dir, &inkstone.LoadOptions{Threads: threads})
	if err != nil {
		return err
	}
	defer v.Close()
	r, err := v.Evaluate(c.Context(), o)
	if err != nil {
		return err
	}
	return a.printReport(r, asJSON)
}

// vectors is the verb for files of word vectors.
func (a *app) vectors() *cobra.Command {
	c := &cobra.Command{
		Use:   "vectors",
		Short: a.t("word vectors: files of other programs, a picture", "词向量：与其他程序交换文件，画图"),
		Long: a.t(`Vectors are learned with train --model-type wordvec and asked with generate and eval; these verbs
carry them to and from word2vec's text and binary files and GloVe's, and draw words.`,
			`词向量用 train --model-type wordvec 训练，用 generate 和 eval 查询；这里的命令与 word2vec 的文本和
二进制文件及 GloVe 的文件互相转换，并画出词的位置。`),
		Example: `  inkstone vectors export --model vectors --out vectors.txt
  inkstone vectors import --from GoogleNews.bin --out google
  inkstone vectors plot --model vectors --out words.svg king queen man woman`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if err := knownCommand(c, args); err != nil {
				return usagef("%w; see '%s --help'", err, c.CommandPath())
			}
			return c.Help()
		},
	}
	c.AddCommand(stoppable(a.exportVectors()), a.importVectors(), stoppable(a.plotVectors()))
	return c
}

// converted is what export and import print with --json.
type converted struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Words int    `json:"words"`
}

func (a *app) printConverted(asJSON bool, done converted) error {
	if asJSON {
		return a.printJSON(done)
	}
	_, err := fmt.Fprintf(a.out, a.t("%s: %s words\n", "%s：%s 个词\n"), done.To, thousands(int64(done.Words)))
	return err
}

func (a *app) exportVectors() *cobra.Command {
	var from, to, form string
	var asJSON bool
	c := &cobra.Command{
		Use:   "export --model DIR --out FILE",
		Short: a.t("write vectors to a file of word2vec or GloVe", "把词向量写成 word2vec 或 GloVe 的文件"),
		Example: `  inkstone vectors export --model vectors --out vectors.txt
  inkstone vectors export --model vectors --out vectors.bin
  inkstone vectors export --model vectors.bin --out vectors.glove --json`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&from, "model", "", a.t("`DIR` of the vectors, or a file of them (required)", "词向量的文件夹 `DIR` 或文件（必填）"))
	f.StringVar(&to, "out", "", a.t("`FILE` to write (required)", "要写的文件 `FILE`（必填）"))
	f.StringVar(&form, "format", "", a.t("`NAME`: text and binary are word2vec's, glove has no first line (default: binary for .bin, glove for .glove, else text)", "格式 `NAME`：text 与 binary 为 word2vec 的，glove 没有首行（默认 .bin 为 binary，.glove 为 glove，其余为 text）"))
	f.BoolVar(&asJSON, "json", false, a.t("print one JSON object", "打印一个 JSON 对象"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		switch wordvec.Form(form) {
		case "", wordvec.Text, wordvec.Binary, wordvec.Plain:
		default:
			return usagef("export: --format %q is none of text, binary and glove", form)
		}
		if from == "" || to == "" {
			return usagef("export: --model DIR and --out FILE are needed; see '%s --help'", c.CommandPath())
		}
		n, err := inkstone.ExportVectors(from, to, wordvec.Form(form))
		if err != nil {
			return err
		}
		return a.printConverted(asJSON, converted{from, to, n})
	}
	return c
}

func (a *app) importVectors() *cobra.Command {
	var from, out string
	var asJSON bool
	c := &cobra.Command{
		Use:   "import --from FILE --out DIR",
		Short: a.t("make a model's folder of a file of vectors", "把词向量文件变成模型文件夹"),
		Example: `  inkstone vectors import --from vectors.bin --out vectors
  inkstone vectors import --from glove.6B.100d.txt --out glove --json`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&from, "from", "", a.t("`FILE` of word2vec, text or binary, or of GloVe (required)", "word2vec（文本或二进制）或 GloVe 的文件 `FILE`（必填）"))
	f.StringVar(&out, "out", "", a.t("write the model to the folder `DIR` (required)", "把模型写入文件夹 `DIR`（必填）"))
	f.BoolVar(&asJSON, "json", false, a.t("print one JSON object", "打印一个 JSON 对象"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		if from == "" || out == "" {
			return usagef("import: --from FILE and --out DIR are needed; see '%s --help'", c.CommandPath())
		}
		n, err := inkstone.ImportVectors(c.Context(), from, out)
		if err != nil {
			return err
		}
		return a.printConverted(asJSON, converted{from, out, n})
	}
	return c
}

func (a *app) plotVectors() *cobra.Command {
	var from, out, title string
	var asJSON bool
	c := &cobra.Command{
		Use:   "plot --model DIR --out FILE WORD...",
		Short: a.t("draw words in the plane that shows most of them", "把若干词画在最能展开它们的平面上"),
		Long: a.t("The plane is that of the first two principal components of the words given, of unit vectors.",
			"平面由所给各词（单位向量）的前两个主成分张成。"),
		Example: `  inkstone vectors plot --model vectors --out words.svg king queen man woman
  inkstone vectors plot --model vectors.bin --out words.png one two three`,
	}
	f := c.Flags()
	f.StringVar(&from, "model", "", a.t("`DIR` of the vectors, or a file of them (required)", "词向量的文件夹 `DIR` 或文件（必填）"))
	f.StringVar(&out, "out", "", a.t("`FILE` to write, .svg or .png (required)", "要写的文件 `FILE`，.svg 或 .png（必填）"))
	f.StringVar(&title, "title", "", a.t("`TEXT` above the picture", "图的标题 `TEXT`"))
	f.BoolVar(&asJSON, "json", false, a.t("print one JSON object: each word's place", "打印一个 JSON 对象：各词的位置"))
	c.RunE = func(c *cobra.Command, words []string) error {
		if from == "" || out == "" || len(words) < 3 {
			return usagef("plot: --model DIR, --out FILE and three words at least are needed; see '%s --help'", c.CommandPath())
		}
		v, err := inkstone.LoadVectors(from, &inkstone.LoadOptions{Threads: 1})
		if err != nil {
			return err
		}
		places, err := v.Plot(words, title, out)
		if err := errors.Join(err, v.Close()); err != nil {
			return err
		}
		if asJSON {
			return a.printJSON(places)
		}
		info, err := os.Stat(out)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.out, a.t("%s: %d words, %s bytes\n", "%s：%d 个词，%s 字节\n"), out, len(places), thousands(info.Size()))
		return err
	}
	return c
}
