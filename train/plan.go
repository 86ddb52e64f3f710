package train

import (
	"fmt"
	"io"
	"slices"
	"sort"
	"text/tabwriter"
	"time"

	"github.com/inkstone-ai/inkstone/tensor"
)

// Dimensions are what a plan must know of a decoder-only transformer, of a recurrent
// network, of an encoder, or of an encoder–decoder with as many layers on each side, beside
// its parameters.
type Dimensions struct {
	Layers  int  // L
	Width   int  // C
	Hidden  int  // F, of the feed-forward part
	Heads   int  // H, of queries
	KVHeads int  // G, of keys and values; 0 means H
	HeadDim int  // D; 0 means C/H
	Vocab   int  // V
	Gated   bool // the feed-forward part has a gate (SwiGLU) and positions are rotary, as in Llama; else GPT-2's form
	Conv    bool // a causal convolution on the embeddings

	HeadNorms bool // norms of each head's queries and keys, as in Qwen3
	PostNorms bool // norms behind both halves of a block, as in Gemma 2
	Fused     bool // one matrix for queries, keys and values, one for gate and up, as in Phi-3
	Experts   int  // experts of a token in a mixture, whose channels Hidden counts together; 0: none

	Cell *tensor.Cell // of every layer of a recurrent network, which has neither heads nor a feed-forward part; else nil

	Encoder bool // a block's norms stand behind its parts, a token sees both sides, and a layer stands before the head, as in BERT
	Drops   bool // with dropout, around which less can be computed again

	Attends bool // of an encoder–decoder of cells: the decoder attends to the source, which is read in both directions
}

// Load is what a plan must know of a run.
type Load struct {
	Rows    int // B, sequences in a micro batch
	Context int // T, tokens of a sequence, of an encoder–decoder those of a target
	Source  int // S, tokens of a source; 0: the model is no encoder–decoder
	Micro   int // micro batches of an update; 0 means 1
	// Asked is the share of a micro batch's tokens that an encoder's head is asked for, the
	// hidden ones; 0: all.
	Asked float64
	// Lengths are the tokens of the source and of the target of pairs, in the order in
	// which a run takes them, Rows for a batch; nil: all have Source and Context.
	Lengths [][2]int
	Longest int   // tokens of a sentence, for an adversary's noise; 0: all have Source and Context
	Tokens  int64 // of the whole run
	// Checkpoint computes the inside of blocks again in the backward, see [nn.Pass].
	Checkpoint bool
	// Adversary goes through each micro batch more than once.
	Adversary Adversary
}

// A Plan says what a run needs before it starts. Bytes are of float32 and resident: what
// the process grows by from its start to its highest.
type Plan struct {
	Parameters      int64   `json:"parameters"`
	FLOPsPerToken   float64 `json:"flops_per_token"` // of training: forward and backward
	Weights         int64   `json:"weights_bytes"`
	Gradients       int64   `json:"gradients_bytes"`
	Optimizer       int64   `json:"optimizer_bytes"`
	Activations     int64   `json:"activations_bytes"` // of one micro batch, what its arena holds
	Noise           int64   `json:"noise_bytes"`       // of an adversary, with its gradient
	Process         int64   `json:"process_bytes"`     // Go's heap, and the device's copies of operands
	Total           int64   `json:"total_bytes"`
	Checkpoint      bool    `json:"checkpoint"` // activations are those of block checkpointing
	Tokens          int64   `json:"tokens"`
	TokensPerUpdate int64   `json:"tokens_per_update"`
	// What [Speed] measured; nil where it did not run or could not read a counter.
	TokensPerSecond *float64 `json:"tokens_per_second"`
	Seconds         *float64 `json:"seconds"` // to the end of the run
	JoulesPerToken  *float64 `json:"joules_per_token"`
	Joules          *float64 `json:"joules"` // of the whole run, the processor's packages alone
	// The held-out loss to expect; nil where no text was read.
	Expected *Expectation `json:"expected"`
	Trial    Trial        `json:"-"` // what Expected follows from

	dims     Dimensions
	load     Load
	matrices [][2]int // shapes that Muon turns, each once
}

// Make plans a run of the parameters in groups, which may be declared only: a plan
// for 175 × 10⁹ of them allocates nothing.
func Make(groups []Group, d Dimensions, l Load) Plan {
	d = d.complete()
	l.Micro = max(l.Micro, 1)
	p := Plan{Tokens: l.Tokens, TokensPerUpdate: l.tokens() * int64(l.Micro), dims: d, load: l}
	for _, g := range groups {
		for _, w := range g.Params {
			n := int64(w.Tensor.Len())
			p.Parameters += n
			p.Optimizer += 4 * n * int64(len(g.Rule.Slots()))
			if _, muon := g.Rule.(Muon); muon {
				p.turns(w.Tensor.Dim(0), w.Tensor.Dim(1))
			}
		}
	}
	p.Weights, p.Gradients = 4*p.Parameters, 4*p.Parameters
	p.FLOPsPerToken = l.Adversary.work() * d.flops(l)
	return p.with(l)
}

// tokens is those of a micro batch, of both sides.
func (l Load) tokens() int64 { return int64(l.Rows) * int64(l.Source+l.Context) }

// Checkpointed returns the plan of the same run with block checkpointing: less memory,
// a third more time, the same weights bit for bit.
func (p Plan) Checkpointed() Plan {
	l := p.load
	l.Checkpoint = true
	return p.with(l)
}

// Checkpoints reports whether the model has blocks that a run may checkpoint: a recurrent
// network has none, and an encoder–decoder is trained without.
func (p *Plan) Checkpoints() bool { return p.dims.Cell == nil && p.load.Source == 0 }

// with is p for a load that differs in what decides memory alone.
func (p Plan) with(l Load) Plan {
	p.load, p.Checkpoint = l, l.Checkpoint
	p.Activations = p.dims.activations(l) + p.scratch(l.tokens())
	p.Noise = l.noise(p.dims.Width)
	p.Process = p.dims.process(l.Rows, l.Source+l.Context) + p.Noise // of which the host has a copy as it moves it
	p.Total = p.Weights + p.Gradients + p.Optimizer + p.Activations + p.Noise + p.Process
	return p
}

// turns notes the shape of a matrix that Muon updates.
func (p *Plan) turns(rows, cols int) {
	if shape := [2]int{rows, cols}; !slices.Contains(p.matrices, shape) {
		p.matrices = append(p.matrices, shape)
	}
}

// scratch is the bytes that Muon's updates need beside the activations' of N tokens,
// which are idle by then and serve for whatever is no larger, and not so small that the
// arena does not look for a larger buffer.
func (p *Plan) scratch(N int64) (bytes int64) {
	const small = 1 << 16 / 4 // floats
	most := map[int]int{}     // tensors at a time, by their elements
	for _, m := range p.matrices {
		for size, n := range (Muon{}).scratch(m[0], m[1]) {
			if int64(size) > N*int64(p.dims.Hidden) || size < small {
				most[size] = max(most[size], n)
			}
		}
	}
	for size, n := range most {
		bytes += 4 * int64(size) * int64(n)
	}
	return bytes
}

// flops is FLOPs of whatever the model is.
func (d Dimensions) flops(l Load) float64 {
	switch {
	case l.Source > 0:
		return d.pairFLOPs(l)
	case d.Encoder:
		return d.encoderFLOPs(l)
	}
	return d.FLOPs(l.Context)
}

// FLOPs returns the floating-point operations of training on one token with T
// tokens of context: 6 for each weight of a product, the head's included (2 forward,
// 4 backward; Kaplan et al. 2020, arXiv:2001.08361, section 2.1), and 6·L·H·D·T for
// attention: half of the 12 in Chowdhery et al. 2022 (PaLM, arXiv:2204.02311,
// appendix B), because a causal query sees half of the keys.
func (d Dimensions) FLOPs(T int) float64 {
	q, kv := float64(d.Heads*d.HeadDim), float64(d.KVHeads*d.HeadDim)
	C, F := float64(d.Width), float64(d.Hidden)
	if d.Cell != nil {
		return 6 * (float64(d.Layers*d.Cell.Gates())*2*C*C + C*float64(d.Vocab))
	}
	block := C*(q+2*kv) + q*C + d.forwards()*C*F
	return 6*(float64(d.Layers)*block+C*float64(d.Vocab)) + 6*float64(d.Layers)*q*float64(T)
}

// forwards is the number of matrices of the feed-forward part.
func (d Dimensions) forwards() float64 {
	if d.Gated {
		return 3
	}
	return 2
}

// Measured completes the plan with what [Speed] found.
func (p *Plan) Measured(m Measurement) {
	p.TokensPerSecond = &m.TokensPerSecond
	seconds := float64(p.Tokens) / m.TokensPerSecond
	p.Seconds = &seconds
	if m.JoulesPerToken > 0 {
		joules := m.JoulesPerToken * float64(p.Tokens)
		p.JoulesPerToken, p.Joules = &m.JoulesPerToken, &joules
	}
}

// Fit returns nil when the plan's bytes fit into those available, else an error
// that says by how much they do not and what to change.
func (p *Plan) Fit(available int64) error {
	if p.Total <= available {
		return nil
	}
	return fmt.Errorf("train: the run needs %s (weights %s, gradients %s, optimizer %s, activations %s, %sprocess %s) and %s are free, %s too few: %s",
		Bytes(p.Total), Bytes(p.Weights), Bytes(p.Gradients), Bytes(p.Optimizer), Bytes(p.Activations), p.noisy(), Bytes(p.Process),
		Bytes(available), Bytes(p.Total-available), p.advice(available))
}

// noisy is the adversary's part of the list, where there is one.
func (p *Plan) noisy() string {
	if p.Noise == 0 {
		return ""
	}
	return fmt.Sprintf("adversarial noise %s, ", Bytes(p.Noise))
}

// advice is the least change that makes the plan fit.
func (p *Plan) advice(available int64) string {
	l := p.load
	fits := func(l Load) bool { return p.with(l).Total <= available }
	if l.Checkpoint = p.Checkpoints(); l.Checkpoint && !p.Checkpoint && fits(l) {
		return "checkpoint the blocks, which takes a third more time and gives the same weights"
	}
	if l.Source > 0 || l.Adversary.Method == "virtual" {
		return fewer(l, fits)
	}
	for l.Rows > 1 {
		l.Rows--
		if p.load.Rows%l.Rows == 0 && fits(l) {
			return fmt.Sprintf("train on %d micro batches of %d rows instead of %d of %d, the updates stay the same",
				l.Micro*p.load.Rows/l.Rows, l.Rows, l.Micro, p.load.Rows)
		}
	}
	for l.Context /= 2; l.Context >= 64; l.Context /= 2 {
		if fits(l) {
			return fmt.Sprintf("a context of %d with one row at a time fits", l.Context)
		}
	}
	if p.Total-p.Activations-p.Process > available {
		return "the model alone does not fit: take a smaller depth or width"
	}
	return "take a shorter context and a smaller model"
}

// fewer is advice for updates of one micro batch: an encoder–decoder's, whose lengths are
// the data's, and those against a virtual adversary.
func fewer(l Load, fits func(Load) bool) string {
	what, shorter := "rows", "a shorter context"
	if l.Source > 0 {
		what, shorter = "pairs", "shorter sentences"
	}
	left := func(fewer int) Load {
		l := l
		l.Rows -= fewer + 1
		return l
	}
	if n := sort.Search(l.Rows-1, func(n int) bool { return fits(left(n)) }); n < l.Rows-1 {
		return fmt.Sprintf("an update of %d %s instead of %d fits", left(n).Rows, what, l.Rows)
	}
	return "take " + shorter + " and a smaller model"
}

// Write prints the plan as a table.
func (p *Plan) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range p.rows() {
		fmt.Fprintf(t, "%s\t%s\n", row[0], row[1])
	}
	return t.Flush()
}

// rows are the table's labels and values.
func (p *Plan) rows() [][2]string {
	const unknown = "not measured"
	speed, duration, energy := unknown, unknown, unknown
	if p.TokensPerSecond != nil {
		speed = fmt.Sprintf("%.0f", *p.TokensPerSecond)
		duration = (time.Duration(*p.Seconds) * time.Second).String()
	}
	if p.Joules != nil {
		energy = fmt.Sprintf("%.3g J per token, %.3g kWh in all", *p.JoulesPerToken, *p.Joules/3.6e6)
	}
	rows := [][2]string{
		{"parameters", group(p.Parameters)},
		{"FLOPs per token", fmt.Sprintf("%.4g", p.FLOPsPerToken)},
		{"weights", Bytes(p.Weights)},
		{"gradients", Bytes(p.Gradients)},
		{"optimizer state", Bytes(p.Optimizer)},
		{"activations", Bytes(p.Activations)},
		{"adversarial noise", Bytes(p.Noise)},
		{"process", Bytes(p.Process)},
		{"sum", Bytes(p.Total)},
		{"tokens", group(p.Tokens)},
		{"tokens per update", group(p.TokensPerUpdate)},
		{"tokens per second", speed},
		{"time", duration},
		{"energy", energy},
	}
	if p.Noise == 0 {
		rows = slices.DeleteFunc(rows, func(r [2]string) bool { return r[0] == "adversarial noise" })
	}
	if e := p.Expected; e != nil {
		rows = append(rows, [2]string{"expected loss", fmt.Sprintf("%.2f (%.2f to %.2f) nats per token", e.Loss, e.Low, e.High)})
	}
	return rows
}

// group writes a number with a comma between thousands.
func group(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Bytes writes a size in binary units: "1.5 GiB".
func Bytes(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	x, i := float64(n), 0
	for ; x >= 1024 && i < len(units)-1; i++ {
		x /= 1024
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", x, units[i])
}
