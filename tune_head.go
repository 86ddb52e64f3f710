package inkstone

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
	"github.com/inkstone-ai/inkstone/tune"
)

// HeadTasks are what [TuneHead] can put on an encoder: a label or a score of texts
// and pairs, labels of words, the place of an answer in a passage.
func HeadTasks() []string { return []string{"classify", "tokens", "spans"} }

// HeadOptions say which encoder to tune, for what, on what, and how. Zero numbers
// take the value in their comments.
type HeadOptions struct {
	Task  string    // of [HeadTasks]
	Model string    // folder of the BERT to start from
	Data  []string  // see [corpus.LabelledTexts], [corpus.TaggedTexts], [corpus.Questions]
	Stdin io.Reader // what "-" reads
	Out   string    // folder of the tuned model

	Epochs    int     // passes over the data; 0: 3
	Steps     int     // updates; 0: as Epochs says
	Rows      int     // examples of an update; 0: 16
	LR        float64 // peak, of AdamW; 0: 3e-4
	HeldOut   float64 // share of the groups of examples kept for evaluation; 0: 0.1
	Dropout   float32
	Seed      uint64 // of the head, the order, dropout and what is held out
	Threads   int
	Precision string // of products: "f32" or "bf16"; "": f32

	Adversarial train.Adversary // of the embeddings; zero: none

	// WarmUp are plain texts, out of which examples are made that the head learns first,
	// into the folder "warmup" of Out: see [corpus.Clozes] for spans, [corpus.Likenesses]
	// for a score. Labels cannot be made of plain text. nil: none.
	WarmUp      []string
	WarmUpSteps int // updates of it; 0: 2000

	EvalEvery       int  // steps; 0: a tenth of the run
	CheckpointEvery int  // steps; 0: a tenth of the run
	Resume          bool // continue the run in Out

	Planned  func(Announcement)
	Progress func(train.Metrics)
	Notice   func(string)
}

// A headTask is the data of one task, read and split.
type headTask struct {
	kind        bert.Task
	labels      []string
	learn, held tune.Head
	report      func(title string, m *bert.BERT) eval.Report // on what is held out
}

// TuneHead tunes the encoder of a BERT for a task: it puts a head on it, trains
// all of it, and writes the folder with tune.json beside it. What is held out is
// whole groups: pairs that share a text, texts of one template, questions of one
// article stand on one side. The report compares the best evaluation's weights on
// them with baselines.
//
// Errors: those of [Train]; data that are malformed or lack labels, by file and
// line; examples that the context does not hold.
func TuneHead(ctx context.Context, o HeadOptions) (*Trained, eval.Report, error) {
	var report eval.Report
	if same(o.Out, o.Model) {
		return nil, report, fmt.Errorf("tune: %s is the model to start from; write to another folder", o.Out)
	}
	if err := vacant(o.Out, o.Resume); err != nil {
		return nil, report, fmt.Errorf("tune: %w", err)
	}
	t := &headTuning{HeadOptions: o}
	if err := unlessDone(ctx, t.prepare); err != nil {
		return nil, report, err
	}
	if err := t.warmUp(ctx); err != nil {
		return nil, report, err
	}
	return t.run(ctx)
}

type headTuning struct {
	HeadOptions
	tok       tokenizer.Tokenizer
	task      *headTask
	context   int // most tokens that the model reads at once
	from      string
	groups    func(*bert.BERT) []train.Group
	model     *bert.BERT
	precision tensor.DType
}

func (t *headTuning) prepare() (err error) {
	t.Epochs, t.Rows, t.LR, t.HeldOut = or(t.Epochs, 3), or(t.Rows, 16), or(t.LR, 3e-4), or(t.HeldOut, 0.1)
	if t.WarmUpSteps = or(t.WarmUpSteps, 2000); len(t.WarmUp) == 0 {
		t.WarmUpSteps = 0
	}
	if t.Rows < 0 || t.LR < 0 || t.Epochs < 0 || t.Steps < 0 || t.WarmUpSteps < 0 || t.HeldOut < 0 || t.HeldOut >= 1 || t.Dropout < 0 || t.Dropout >= 1 {
		return fmt.Errorf("tune: rows %d, learning rate %g, epochs %d, steps %d and those of the warm-up, %d, must not be negative, %g and dropout %g are to be shares",
			t.Rows, t.LR, t.Epochs, t.Steps, t.WarmUpSteps, t.HeldOut, t.Dropout)
	}
	if t.precision, err = tensor.ParsePrecision(t.Precision); err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	if err := t.Adversarial.Check(); err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	if t.Notice == nil {
		t.Notice = func(string) {}
	}
	folder, err := format.OpenFolder(t.Model)
	if err != nil {
		return err
	}
	m, err := model.Build(folder.Config)
	if err != nil {
		return fmt.Errorf("%s: %w", t.Model, err)
	}
	b, ok := m.(*bert.BERT)
	if !ok {
		return fmt.Errorf("tune: %s is no BERT: the tasks %v put a head on one", t.Model, HeadTasks())
	}
	if t.tok, err = OpenTokenizer(t.Model); err != nil {
		return err
	}
	t.context, t.from, t.groups = b.Shape().Context, t.Model, t.adamW
	t.task, err = readHead(t.Task, t.tok, nil, t.Data, t.Stdin, t.context, t.HeldOut, t.Seed)
	return err
}

// adamW are the optimizers of a tuning.
func (t *headTuning) adamW(m *bert.BERT) []train.Group {
	return train.AdamWGroups(nn.Params(m), train.AdamW{Beta2: 0.98}, t.LR, 0.01)
}

// readHead reads the data of a task. Without a share to hold out all of it is held;
// labels are the model's, nil: the data's.
func readHead(task string, tok tokenizer.Tokenizer, labels []string, data []string, stdin io.Reader, context int, share float64, seed uint64) (*headTask, error) {
	frame, err := tokenizer.FrameOf(tok)
	if err != nil {
		return nil, err
	}
	switch task {
	case "classify":
		return readClassify(tok, frame, labels, data, stdin, context, share, seed)
	case "tokens":
		return readTag(tok, frame, labels, data, stdin, context, share, seed)
	case "spans":
		return readAnswer(tok, frame, data, stdin, context, share, seed)
	}
	return nil, fmt.Errorf("tune: the task %q is none of %v", task, HeadTasks())
}

func readClassify(tok tokenizer.Tokenizer, frame *tokenizer.Frame, labels, data []string, stdin io.Reader, context int, share float64, seed uint64) (*headTask, error) {
	all, err := corpus.LabelledTexts(stdin, data...)
	if err != nil {
		return nil, err
	}
	if labels == nil {
		if labels = tune.Labels(all); len(labels) == 1 {
			return nil, fmt.Errorf("tune: %s: every text has the label %q: there is nothing to tell apart", named(data), labels[0])
		}
	}
	learn, held, err := holdOut(all, func(x corpus.Labelled) []string { return []string{x.Text, x.Pair} }, share, seed)
	if err != nil {
		return nil, err
	}
	return classifyTask(tok, frame, learn, held, labels, context)
}

func classifyTask(tok tokenizer.Tokenizer, frame *tokenizer.Frame, learn, held []corpus.Labelled, labels []string, context int) (*headTask, error) {
	h, err := tune.NewClassify(tok, frame, held, labels, context)
	if err != nil {
		return nil, err
	}
	t := &headTask{kind: bert.Sequences, labels: labels, learn: h, held: h}
	majority := h.Majority()
	if len(learn) > 0 {
		l, err := tune.NewClassify(tok, frame, learn, labels, context)
		if err != nil {
			return nil, err
		}
		t.learn, majority = l, l.Majority()
	}
	t.report = func(title string, m *bert.BERT) eval.Report {
		r, s := eval.Report{Title: title}, h.Measure(m, majority)
		if len(labels) > 0 {
			r.Share("accuracy", s.Right, s.Examples)
			r.Share("accuracy of the commonest label", s.Majority, s.Examples)
			return r
		}
		r.Number("Pearson correlation", "", s.Pearson)
		r.Number("Spearman correlation", "", s.Spearman)
		r.Number("Pearson correlation of shared characters", "", s.Overlap)
		r.Number("examples", "", float64(s.Examples))
		return r
	}
	return t, nil
}

func readTag(tok tokenizer.Tokenizer, frame *tokenizer.Frame, labels, data []string, stdin io.Reader, context int, share float64, seed uint64) (*headTask, error) {
	all, err := corpus.TaggedTexts(stdin, data...)
	if err != nil {
		return nil, err
	}
	if labels == nil {
		if labels = tune.TagLabels(all); len(labels) == 1 {
			return nil, fmt.Errorf("tune: %s: no text has a labelled span: there is nothing to find", named(data))
		}
	}
	learn, held, err := holdOut(all, func(x corpus.Tagged) []string { return []string{x.Group, x.Text} }, share, seed)
	if err != nil {
		return nil, err
	}
	h, err := tune.NewTag(tok, frame, held, labels, context)
	if err != nil {
		return nil, err
	}
	t := &headTask{kind: bert.Tokens, labels: labels, learn: h, held: h}
	l := h
	if len(learn) > 0 {
		if l, err = tune.NewTag(tok, frame, learn, labels, context); err != nil {
			return nil, err
		}
		t.learn = l
	}
	t.report = func(title string, m *bert.BERT) eval.Report {
		r, s, known := eval.Report{Title: title}, h.Measure(m), h.Recall(l)
		r.Number("F1 of labelled words", "", s.F1())
		if l != h {
			r.Number("F1 of words known by heart", "", known.F1())
		}
		r.Share("accuracy", s.Right, s.Words)
		r.Share("accuracy of no label", s.Outside, s.Words)
		r.Number("labelled words", "", float64(s.Truth))
		return r
	}
	return t, nil
}

func readAnswer(tok tokenizer.Tokenizer, frame *tokenizer.Frame, data []string, stdin io.Reader, context int, share float64, seed uint64) (*headTask, error) {
	all, err := corpus.Questions(stdin, data...)
	if err != nil {
		return nil, err
	}
	learn, held, err := holdOut(all, func(x corpus.Question) []string { return []string{x.Article, x.Context} }, share, seed)
	if err != nil {
		return nil, err
	}
	return answerTask(tok, frame, learn, held, context)
}

func answerTask(tok tokenizer.Tokenizer, frame *tokenizer.Frame, learn, held []corpus.Question, context int) (*headTask, error) {
	h, err := tune.NewAnswer(tok, frame, held, context)
	if err != nil {
		return nil, err
	}
	t := &headTask{kind: bert.Answers, learn: h, held: h}
	if len(learn) > 0 {
		if t.learn, err = tune.NewAnswer(tok, frame, learn, context); err != nil {
			return nil, err
		}
	}
	t.report = func(title string, m *bert.BERT) eval.Report {
		r, s := eval.Report{Title: title}, h.Measure(m)
		r.Share("exact match", s.Exact, s.Questions)
		r.Number("F1 of words", "", s.F1)
		r.Number("F1 of the sentence nearest the question", "", s.Baseline)
		return r
	}
	return t, nil
}

// holdOut keeps a share of the groups of examples: those that have a key in
// common, directly or through others, stand together. Without a share all are held.
func holdOut[T any](all []T, keys func(T) []string, share float64, seed uint64) (learn, held []T, err error) {
	if share == 0 {
		return nil, all, nil
	}
	group := make([]int, len(all))
	var find func(i int) int
	find = func(i int) int {
		if group[i] != i {
			group[i] = find(group[i])
		}
		return group[i]
	}
	first := map[string]int{}
	for i, x := range all {
		group[i] = i
		for _, key := range keys(x) {
			if j, ok := first[key]; ok && key != "" {
				group[find(i)] = find(j)
			} else {
				first[key] = i
			}
		}
	}
	size := map[int]int{}
	for i := range all {
		size[find(i)]++
	}
	var order []int
	for g := range size {
		order = append(order, g)
	}
	draw := func(g int) string { return fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, seed, "/", g))) }
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(draw(a), draw(b)) })
	chosen, have, want := map[int]bool{}, 0, share*float64(len(all))
	for _, g := range order {
		if float64(have) < want && float64(have+size[g]) < 1.5*want+1 {
			chosen[g], have = true, have+size[g]
		}
	}
	for i, x := range all {
		if chosen[find(i)] {
			held = append(held, x)
		} else {
			learn = append(learn, x)
		}
	}
	if len(learn) == 0 || len(held) == 0 {
		return nil, nil, fmt.Errorf("tune: %d examples in %d groups are too few to hold out a share of %g", len(all), len(size), share)
	}
	return learn, held, nil
}

// headSettings are what a resume must find unchanged, and what tune.json keeps.
type headSettings struct {
	Task      string  `json:"task"`
	Model     string  `json:"model,omitempty"`
	Weights   string  `json:"weights_sha256"`
	Rows      int     `json:"rows"`
	Steps     int     `json:"steps"`
	LR        float64 `json:"lr"`
	HeldOut   float64 `json:"held_out"`
	Dropout   float32 `json:"dropout"`
	Seed      uint64  `json:"seed"`
	Precision string  `json:"precision,omitempty"`

	WarmUp      []string `json:"warm_up,omitempty"` // Weights are then what it made
	WarmUpSteps int      `json:"warm_up_steps,omitempty"`

	Adversarial train.Adversary `json:"adversarial,omitzero"`
}

func (t *headTuning) run(ctx context.Context) (_ *Trained, report eval.Report, err error) {
	if err := tensor.CheckCPU(); err != nil {
		return nil, report, err
	}
	unlock, err := format.LockDir(t.Out)
	if err != nil {
		return nil, report, fmt.Errorf("tune: %w", err)
	}
	defer unlock()
	d := tensor.CPU(t.Threads)
	defer d.Close()
	from, err := model.OpenForTraining[*bert.BERT](t.from, d)
	if err != nil {
		return nil, report, err
	}
	defer from.Close()
	if t.model, err = tune.Start(from.Model, d, t.task.kind, t.task.labels, t.Dropout, t.Seed); err != nil {
		return nil, report, err
	}
	settings, err := t.settings()
	if err != nil {
		return nil, report, err
	}
	identity := settings
	identity.Model, identity.WarmUp = "", nil
	tenth := max(1, settings.Steps/10)
	t.announce(d, settings.Steps)
	stepper := &train.Stepper{
		Groups:   t.groups(t.model),
		Schedule: train.Schedule{Shape: train.WSD, Warmup: 0.1, Decay: 0.9}, Clip: 1, Tokens: t.tokensPerStep(),
	}
	done, err := tune.TeachHead(stepper, t.task.learn, t.model, t.Rows, t.Seed, t.Adversarial)
	if err != nil {
		return nil, report, err
	}
	defer done()
	r, err := train.Run(ctx, train.Config{
		Device: d, Steps: settings.Steps, Seed: t.Seed, Precision: t.precision, Dir: filepath.Join(t.Out, runDir), Resume: t.Resume,
		Identity:        train.Identity{Settings: identity, Tokenizer: fmt.Sprintf("%x", corpus.Fingerprint(t.tok)), Data: t.digest()},
		CheckpointEvery: or(t.CheckpointEvery, tenth), EvaluateEvery: or(t.EvalEvery, tenth),
		Evaluate: func(context.Context) (float64, error) { return tune.HeadEvaluate(t.task.held, t.model), nil },
		Progress: t.Progress, Notice: t.Notice,
	}, stepper)
	if err != nil {
		return nil, report, err
	}
	if err := errors.Join(loadBest(t.model, r), writeJSON(filepath.Join(t.Out, tuneFile), settings)); err != nil {
		return nil, report, err
	}
	trained, err := saveEncoder(t.Out, t.model, t.tok, r)
	return trained, t.task.report(named(t.Data)+", held out", t.model), err
}

func (t *headTuning) settings() (headSettings, error) {
	weights, err := filepath.Glob(filepath.Join(t.from, "*.safetensors"))
	if err != nil {
		return headSettings{}, fmt.Errorf("tune: %w", err)
	}
	sum, err := train.Fingerprint(weights...)
	steps := or(t.Steps, tune.HeadSteps(t.task.learn, t.Rows, float64(t.Epochs)))
	s := headSettings{t.Task, t.Model, sum, t.Rows, steps, t.LR, t.HeldOut, t.Dropout, t.Seed, "", t.WarmUp, t.WarmUpSteps, t.Adversarial}
	if t.precision != tensor.F32 {
		s.Precision = t.precision.String()
	}
	return s, err
}

func (t *headTuning) tokensPerStep() int {
	n := 0
	for i := range t.task.learn.Len() {
		n += len(t.task.learn.Row(i).IDs)
	}
	return n * t.Rows / t.task.learn.Len()
}

// digest is a fingerprint of what is learned and what is held out, and of what is to
// be said of it.
func (t *headTuning) digest() string {
	h := sha256.New()
	for _, head := range []tune.Head{t.task.learn, t.task.held} {
		fmt.Fprintln(h, head.Len())
		for i := range head.Len() {
			fmt.Fprintln(h, head.Row(i).IDs, head.Row(i).Truth)
		}
	}
	fmt.Fprintln(h, t.task.labels)
	return fmt.Sprintf("%x", h.Sum(nil))
}

func (t *headTuning) announce(d *tensor.Device, steps int) {
	if t.Planned == nil {
		return
	}
	count := func(h tune.Head) (n int64) {
		for i := range h.Len() {
			n += int64(len(h.Row(i).IDs))
		}
		return n
	}
	t.Planned(Announcement{
		Model: string(t.task.kind), Parameters: int64(model.Parameters(t.model)), Vocabulary: t.tok.Size(), Context: t.model.Shape().Context,
		Device: d.Name(), Precision: d.Precision(t.precision).String(), Steps: steps, TokensPerStep: t.tokensPerStep(),
		TrainTokens: count(t.task.learn), HeldTokens: count(t.task.held), EvalTokens: count(t.task.held),
	})
}

// taskOf is the name of a head's task, "" of a model for hidden words.
func taskOf(t bert.Task) string {
	switch t {
	case bert.Sequences:
		return "classify"
	case bert.Tokens:
		return "tokens"
	case bert.Answers:
		return "spans"
	}
	return ""
}

// EvaluateHead measures a tuned model on labelled data of its task.
func (m *Masked) EvaluateHead(o EvaluateOptions) (eval.Report, error) {
	task := taskOf(m.Task())
	if task == "" {
		return eval.Report{}, fmt.Errorf("model: %s is a %s: it has no task", m.dir, m.Task())
	}
	t, err := readHead(task, m.tok, m.labels(), o.Data, o.Stdin, m.opened.Model.Shape().Context, 0, 0)
	if err != nil {
		return eval.Report{}, err
	}
	return t.report(named(o.Data), m.opened.Model), nil
}

// labels are the names of a classifier's outputs; not nil, none for a number.
func (m *Masked) labels() []string {
	c := m.opened.Model.Config().(bert.Config)
	labels := []string{}
	if c.Regression() {
		return labels
	}
	for k := range c.Labels() {
		labels = append(labels, c.Label(k))
	}
	return labels
}

// A Labelling is what a tuned model says of one text.
type Labelling struct {
	Score  *float64      `json:"score,omitempty"`  // a number, of a model that says one
	Labels []Filling     `json:"labels,omitempty"` // the likeliest first
	Words  []corpus.Span `json:"words,omitempty"`  // of the text, each with its label
	Answer string        `json:"answer,omitempty"` // a part of the passage
}

// Say lets a tuned model speak of a text, or of two: a text and its pair, a question
// and the passage that holds its answer.
func (m *Masked) Say(text, pair string) (Labelling, error) {
	context := m.opened.Model.Shape().Context
	switch m.Task() {
	case bert.Sequences:
		c, err := tune.NewClassify(m.tok, m.frame, []corpus.Labelled{{Text: text, Pair: pair, Label: m.any()}}, m.labels(), context)
		if err != nil {
			return Labelling{}, err
		}
		return m.labelling(c), nil
	case bert.Tokens:
		t, err := tune.NewTag(m.tok, m.frame, []corpus.Tagged{{Text: text}}, m.labels(), context)
		if err != nil {
			return Labelling{}, err
		}
		return Labelling{Words: t.Say(m.opened.Model)[0]}, nil
	case bert.Answers:
		a, err := tune.NewAnswer(m.tok, m.frame, []corpus.Question{{Text: text, Context: pair, Answers: []corpus.Span{{}}}}, context)
		if err != nil {
			return Labelling{}, err
		}
		return Labelling{Answer: a.Say(m.opened.Model)[0]}, nil
	}
	return Labelling{}, fmt.Errorf("model: %s is a %s: it has no task", m.dir, m.Task())
}

// any is some label, "" for a number: what is asked has none yet.
func (m *Masked) any() string {
	if l := m.labels(); len(l) > 0 {
		return l[0]
	}
	return ""
}

func (m *Masked) labelling(c *tune.Classify) Labelling {
	scores := c.Scores(m.opened.Model)[0]
	if len(c.Labels) == 0 {
		x := float64(scores[0])
		return Labelling{Score: &x}
	}
	m.step.Begin(0)
	p := m.step.Floats(scores, 1, len(scores)).Softmax().Floats()
	all := make([]Filling, len(p))
	for k := range p {
		all[k] = Filling{int32(k), c.Labels[k], p[k]}
	}
	slices.SortStableFunc(all, func(a, b Filling) int { return cmp.Compare(b.Probability, a.Probability) })
	return Labelling{Labels: all}
}
