package seq2seq

import (
	"math"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

var (
	_ model.EncoderDecoder = (*Attention)(nil)
	_ model.Aligner        = (*Attention)(nil)
)

// Attention is the model of Bahdanau et al. 2015, "Neural Machine Translation by
// Jointly Learning to Align and Translate" (arXiv:1409.0473): the encoder reads the
// source in both directions and keeps an annotation of every word; the decoder,
// before each word that it writes, mixes the annotations anew, by weights that a
// small network computes from its state.
//
//	h_j  = [→h_j; ←h_j]                            annotations (section 3.2)
//	e_ij = vᵀ·tanh(W·s_{i−1} + U·h_j)              (appendix A.1.2)
//	c_i  = Σ_j softmax_j(e_ij)·h_j                 (equations 5 and 6)
//	s_i  = cell([E·y_{i−1}; c_i], s_{i−1})         s_0 = tanh(W_s·←h_1)
//	P    = softmax(W_o·maxout(U_o·[s_i; E·y_{i−1}; c_i]))   (equation 4, appendix A.2.2)
type Attention struct {
	Embed   nn.Embedding `hf:"shared"`
	Forth   nn.Recurrent `hf:"encoder.forward"`
	Back    nn.Recurrent `hf:"encoder.backward"`
	Start   nn.Linear    `hf:"decoder.start"` // W_s
	Keys    nn.Linear    `hf:"decoder.keys"`  // U
	Query   nn.Linear    `hf:"decoder.query"` // W
	Score   nn.Linear    `hf:"decoder.score"` // v
	Cell    nn.Recurrent `hf:"decoder.cell"`
	Readout nn.Linear    `hf:"decoder.readout"` // U_o, of 2C channels that go in pairs
	Head    nn.Linear    `hf:"lm_head" role:"head"`

	config Config
}

// NewAttention returns an Attention whose weights have shapes but no values yet.
// Errors: those of [New].
func NewAttention(c Config) (*Attention, error) {
	c.Architecture = AttentionArchitecture
	cell, err := c.recurrent("gru")
	if err != nil {
		return nil, err
	}
	if c.EncoderLayers != 1 || c.DecoderLayers != 1 {
		return nil, c.errorf("encoder_layers %d, decoder_layers %d: it has one of each", c.EncoderLayers, c.DecoderLayers)
	}
	C := c.Width
	m := &Attention{
		Embed: nn.NewEmbedding(c.Vocab, C), Forth: nn.NewRecurrent(cell, C, C), Back: nn.NewRecurrent(cell, C, C),
		Start: xavier(C, C, 1), Keys: xavier(2*C, C, 1), Query: xavier(C, C, 1), Score: nn.NewLinear(C, 1, false),
		Cell: nn.NewRecurrent(cell, 3*C, C), Readout: xavier(4*C, 2*C, 1), Head: nn.NewLinear(C, c.Vocab, false), config: c,
	}
	m.Embed.Std, m.Score.Std = embedStd, float32(1/math.Sqrt(float64(C)))
	return m, nil
}

// Encode returns the annotations (N, 2C), what the scores need of them (N, C), and
// the decoder's first states (S, W).
func (m *Attention) Encode(p *nn.Pass) *model.Memory {
	forth, _ := m.read(&m.Forth, p)
	back, ends := m.read(&m.Back, p.Backwards())
	annotations := forth.Concat(1, back.Rows(p.Ints(p.Mirrored()))) // (N, 2C)
	h := m.Start.Forward(m.Back.Output(ends)).Tanh()
	if extra := m.Cell.StateWidth() - h.Dim(1); extra > 0 { // the c of an LSTM
		h = h.Concat(1, p.Step().Zeros(h.Dim(0), extra))
	}
	return &model.Memory{
		Tokens: []*tensor.Tensor{annotations, m.Keys.Forward(annotations)}, States: []*tensor.Tensor{h}, Lengths: lengths(p),
	}
}

// read runs a direction of the encoder over p: outputs (N, C) in p's order, and ends (S, W).
func (m *Attention) read(r *nn.Recurrent, p *nn.Pass) (y, ends *tensor.Tensor) {
	o := p.TimeOrder()
	x := p.EmbedInTime(&m.Embed).Dropout(m.config.Dropout)
	y, ends = r.Forward(o, x, p.Step().Zeros(len(p.Spans), r.StateWidth()))
	return y.Rows(o.Back), ends
}

// Decode returns what the head reads, (N, C).
func (m *Attention) Decode(p *nn.Pass, memory *model.Memory) *tensor.Tensor {
	return m.decode(p, memory, func(*tensor.Tensor) {})
}

// decode calls look with the scores e of each step, (pairs, 1).
func (m *Attention) decode(p *nn.Pass, memory *model.Memory, look func(scores *tensor.Tensor)) *tensor.Tensor {
	o, s := p.TimeOrder(), p.Step()
	sight := newSight(p, memory)
	x := p.EmbedInTime(&m.Embed).Dropout(m.config.Dropout) // (N, C)
	state := begin(p, 0, m.Cell.StateWidth(), func() *tensor.Tensor { return ofSources(p, memory, memory.States[0]) })
	state = state.Rows(s.Ints(o.Longest(), len(p.Spans)))
	var states, contexts []*tensor.Tensor
	at := 0
	for _, n := range o.Steps {
		state = state.Slice(0, 0, n)
		scores := sight.scores(m, m.Cell.Output(state), n)
		look(scores)
		context := sight.mix(scores, n) // (n, 2C)
		state = m.Cell.Step(x.Slice(0, at, at+n).Concat(1, context), state)
		states, contexts = append(states, state), append(contexts, context)
		at += n
	}
	all := states[0].Concat(0, states[1:]...) // (N, W)
	finish(p, 0, all.Rows(o.Last))
	read := m.Cell.Output(all).Concat(1, x, contexts[0].Concat(0, contexts[1:]...)) // (N, 4C)
	y := m.Readout.Forward(read).Reshape(read.Dim(0), m.config.Width, 2).MaxOf(2)   // (N, C)
	return y.Dropout(m.config.Dropout).Rows(o.Back)
}

// A sight is what the sequences of a decoding pass see, in the order of a step's
// rows: for each the annotations of its source, laid end to end. The first n
// sequences see the first rows.
type sight struct {
	values, keys *tensor.Tensor // (pairs, 2C) and (pairs, C)
	queries      *tensor.Tensor // (pairs) int32, the sequence of each
	segments     *tensor.Tensor // (S, 4)
	upTo         []int          // pairs of the first n sequences
	unit         *tensor.Tensor // (1, 2C): 1 and zeros
}

func newSight(p *nn.Pass, memory *model.Memory) *sight {
	first := make([]int32, len(memory.Lengths)+1)
	for i, n := range memory.Lengths {
		first[i+1] = first[i] + int32(n)
	}
	var rows, queries, segments []int32
	v := &sight{upTo: []int{0}}
	for i, sequence := range p.TimeOrder().Longest() {
		source := memory.Source(int(sequence))
		segments = append(segments, int32(i), 1, int32(len(rows)), int32(memory.Lengths[source]))
		for row := first[source]; row < first[source+1]; row++ {
			rows, queries = append(rows, row), append(queries, int32(i))
		}
		v.upTo = append(v.upTo, len(rows))
	}
	s, wide := p.Step(), memory.Tokens[0].Dim(1)
	at := s.Ints(rows, len(rows))
	v.values, v.keys = memory.Tokens[0].Rows(at), memory.Tokens[1].Rows(at)
	v.queries, v.segments = s.Ints(queries, len(queries)), s.Ints(segments, len(segments)/4, 4)
	one := make([]float32, wide)
	one[0] = 1
	v.unit = s.Floats(one, 1, wide)
	return v
}

// scores are e for the states h (n, C) of the first n sequences, (pairs, 1).
func (v *sight) scores(m *Attention, h *tensor.Tensor, n int) *tensor.Tensor {
	pairs := v.upTo[n]
	asked := m.Query.Forward(h).Rows(v.queries.Slice(0, 0, pairs)) // (pairs, C)
	return m.Score.Forward(asked.Add(v.keys.Slice(0, 0, pairs)).Tanh())
}

// mix is the softmax of the scores over each source, and the mean of its annotations
// by these weights, (n, 2C): attention with scores that are known, each the product of
// its key (e, 0, 0 …) with the query (1, 0, 0 …).
func (v *sight) mix(scores *tensor.Tensor, n int) *tensor.Tensor {
	pairs, wide := v.upTo[n], v.values.Dim(1)
	keys := scores.MatMul(v.unit).Reshape(pairs, 1, wide)
	queries := v.unit.Expand(n, wide).Reshape(n, 1, wide)
	values := v.values.Slice(0, 0, pairs).Reshape(pairs, 1, wide)
	y := nn.FlashAttention(v.segments.Slice(0, 0, n), queries, keys, values, nn.Attention{Scale: 1, Bidirectional: true})
	return y.Reshape(n, wide)
}

// Align returns the weights with which each token of the target saw those of the
// source, (T, S) for one pair.
func (m *Attention) Align(source, target *nn.Pass) *tensor.Tensor {
	var rows []*tensor.Tensor
	m.decode(target, m.Encode(source), func(scores *tensor.Tensor) {
		rows = append(rows, scores.Reshape(1, -1).Softmax())
	})
	return rows[0].Concat(0, rows[1:]...)
}

// Logits returns (R, V) for rows (R, C) of Decode's result.
func (m *Attention) Logits(rows *tensor.Tensor) *tensor.Tensor { return m.Head.Forward(rows) }

// HeadWeight is the head's matrix, (V, C).
func (m *Attention) HeadWeight() *tensor.Tensor { return m.Head.W }

// Shape tells the decoder's dimensions.
func (m *Attention) Shape() model.Shape { return m.config.shape() }

// Config returns a [Config].
func (m *Attention) Config() any { return m.config }
