package tensor_test

import (
	"math"
	"slices"

	"github.com/inkstone-ai/inkstone/tensor"
)

func layerONNX() map[string]onnxFunc {
	return map[string]onnxFunc{
		"MatMul":                  on2((*T).MatMul),
		"Gemm":                    gemmONNX,
		"LayerNormalization":      layerNormONNX,
		"RMSNormalization":        rmsNormONNX,
		"BatchNormalization":      batchNormONNX,
		"InstanceNormalization":   func(n *node) []*T { return n.groupNorm(n.x(0).Dim(1)) },
		"GroupNormalization":      func(n *node) []*T { return n.groupNorm(n.int("num_groups", 1)) },
		"LpNormalization":         lpNormONNX,
		"SoftmaxCrossEntropyLoss": crossEntropyONNX,
		"NegativeLogLikelihoodLoss": func(n *node) []*T {
			x, rows := n.classesLast()
			pick := n.eye(x.Dim(1)).Rows(n.ids(rows.target, len(rows.target)))
			return n.summed(x.Mul(pick).Sum(1).Neg().Mul(n.s.Floats(rows.weight, len(rows.weight))), rows)
		},
		"Attention":           attentionONNX,
		"RotaryEmbedding":     rotaryONNX,
		"CausalConvWithState": convONNX,
		"RNN":                 rnnONNX,
		"LSTM":                lstmONNX,
		"GRU":                 gruONNX,
		"Adam": func(n *node) []*T {
			a, b, t := n.float("alpha", 0.9), n.float("beta", 0.999), n.host(1)[0]
			p := n.optimizer()
			p.B1, p.B2 = a, b
			if t > 0 {
				p.Correct1, p.Correct2 = 1-pow(a, t), 1-pow(b, t)
				p.Eps /= float32(math.Sqrt(float64(p.Correct2)))
			}
			return n.update(tensor.Adam, 4, 5, p)
		},
		"Adagrad": func(n *node) []*T { return n.update(tensor.AdaGrad, -1, 4, n.optimizer()) },
		"Momentum": func(n *node) []*T {
			if n.host(1)[0] > 0 && n.float("beta", 1) != 1 {
				n.no("momentum with a damped gradient")
			}
			p := n.optimizer()
			p.B1, p.Nesterov = n.float("alpha", 0), n.str("mode", "") == "nesterov"
			return n.update(tensor.SGD, 4, -1, p)
		},
	}
}

func pow(x float32, t float64) float32 { return float32(math.Pow(float64(x), t)) }

// optimizer reads the rate R, which decays with the step T, and the rest.
func (n *node) optimizer() tensor.UpdateParams {
	r, t := n.host(0)[0], n.host(1)[0]
	return tensor.UpdateParams{
		LR:    float32(r / (1 + t*float64(n.float("decay_factor", 0)))),
		Decay: n.float("norm_coefficient", 0),
		Eps:   n.float("epsilon", 0),
	}
}

// update runs one step on operand X (2) with gradient G (3); m and v are the
// operands of the state, −1 where there is none.
func (n *node) update(rule tensor.Rule, m, v int, p tensor.UpdateParams) []*T {
	if n.float("norm_coefficient_post", 0) != 0 {
		n.no("decay after the step")
	}
	if len(n.in) != map[int]int{-1: 5, 4: 5, 5: 6}[max(m, v, -1)] {
		n.no("an optimizer of several tensors")
	}
	w := n.x(2).Keep()
	w.SetTrainable(true)
	w.Grad().Assign(n.x(3))
	state := [2]*T{}
	for i, at := range []int{m, v} {
		if at >= 0 {
			state[i] = n.x(at).Keep()
		}
	}
	w.Update(rule, state[0], state[1], p)
	y := []*T{w}
	for _, s := range state {
		if s != nil {
			y = append(y, s)
		}
	}
	return y
}

func gemmONNX(n *node) []*T {
	a, b := n.x(0), n.x(1)
	var y *T
	switch ta, tb := n.int("transA", 0), n.int("transB", 0); {
	case ta == 1 && tb == 1:
		y = a.Transpose(0, 1).MatMulT(b)
	case ta == 1:
		y = a.TMatMul(b)
	case tb == 1:
		y = a.Linear(b, nil)
	default:
		y = a.MatMul(b)
	}
	y = y.Scale(n.float("alpha", 1))
	if n.has(2) {
		y = y.Add(n.x(2).Scale(n.float("beta", 1)))
	}
	return []*T{y}
}

// rows is x as a matrix whose rows are the dimensions from axis on.
func (n *node) rows(x *T) (rows *T, outer []int) {
	axis := wrap([]int{n.int("axis", -1)}, x.Dims())[0]
	size := 1
	for _, d := range x.Shape()[axis:] {
		size *= d
	}
	outer = x.Shape()
	for i := axis; i < len(outer); i++ {
		outer[i] = 1
	}
	return x.Reshape(-1, size), outer
}

// normWeight is operand i as a vector of size elements.
func (n *node) normWeight(i, size int) *T {
	if !n.has(i) {
		return nil
	}
	if n.x(i).Len() != size {
		n.no("a scale that stretches")
	}
	return n.x(i).Reshape(-1)
}

func layerNormONNX(n *node) []*T {
	x, eps := n.x(0), n.float("epsilon", 1e-5)
	rows, outer := n.rows(x)
	size := rows.Dim(1)
	y := rows.LayerNorm(n.normWeight(1, size), n.normWeight(2, size), eps).Reshape(x.Shape()...)
	mean := rows.Mean(1)
	variance := rows.Sub(mean.Unsqueeze(1)).Square().Mean(1)
	return []*T{y, mean.Reshape(outer...), variance.AddScalar(eps).Rsqrt().Reshape(outer...)}
}

func rmsNormONNX(n *node) []*T {
	rows, _ := n.rows(n.x(0))
	return []*T{rows.RMSNorm(n.normWeight(1, rows.Dim(1)), n.float("epsilon", 1e-5)).Reshape(n.shape(0)...)}
}

// channels is a vector of channels that stretches to x (N, C, …).
func channels(x, v *T) *T {
	for v.Dims() < x.Dims()-1 {
		v = v.Unsqueeze(-1)
	}
	return v
}

func batchNormONNX(n *node) []*T {
	x, eps := n.x(0), n.float("epsilon", 1e-5)
	if n.int("training_mode", 0) == 0 {
		scale := n.x(1).Mul(n.x(4).AddScalar(eps).Rsqrt())
		return []*T{x.Sub(channels(x, n.x(3))).Mul(channels(x, scale)).Add(channels(x, n.x(2)))}
	}
	y, moments := channelsLast(x).BatchNorm(n.x(1), n.x(2), eps)
	mean, variance := moments.Slice(1, 0, 1).Reshape(-1), moments.Slice(1, 1, 2).Reshape(-1).PowScalar(-2).AddScalar(-eps)
	m := n.float("momentum", 0.9)
	running := func(old, new *T) *T { return old.Scale(m).Add(new.Scale(1 - m)) }
	return []*T{channelsFirst(y), running(n.x(3), mean), running(n.x(4), variance)}
}

// channelsLast is x (N, C, …) as (N, …, C), channelsFirst the other way.
func channelsLast(x *T) *T {
	order := []int{0}
	for i := 2; i < x.Dims(); i++ {
		order = append(order, i)
	}
	return x.Permute(append(order, 1)...)
}

func channelsFirst(x *T) *T {
	order := []int{0, x.Dims() - 1}
	for i := 1; i < x.Dims()-1; i++ {
		order = append(order, i)
	}
	return x.Permute(order...)
}

// groupNorm normalises the channels of each group together.
func (n *node) groupNorm(groups int) []*T {
	return []*T{channelsFirst(channelsLast(n.x(0)).GroupNorm(groups, n.x(1), n.x(2), n.float("epsilon", 1e-5)))}
}

func lpNormONNX(n *node) []*T {
	x, axis := n.x(0), n.int("axis", -1)
	norm := x.Abs().Sum(axis)
	if n.int("p", 2) == 2 {
		norm = x.Square().Sum(axis).Sqrt()
	}
	norm = norm.Reshape(kept(x.Shape(), []int{axis})...)
	return []*T{norm.Equal(n.scalar(0)).Where(n.scalar(0), x.Div(norm))}
}

// classRows are the targets and weights of the rows that classesLast makes.
type classRows struct {
	target []int
	weight []float32
	shape  []int // of the targets
}

// classesLast is operand 0 (N, C, …) as rows of C classes, with the targets of
// operand 1. A row to be ignored has weight 0, the others that of their class.
func (n *node) classesLast() (x *T, r classRows) {
	shape := n.shape(0)
	C, ignore := shape[1], math.MinInt
	n.attr("ignore_index", &ignore)
	x = n.shaped(0, shape[0], C, len(n.host(0))/shape[0]/C).Transpose(1, 2).Reshape(-1, C)
	r.shape = n.shape(1)
	for _, t := range n.ints(1) {
		w := float32(1)
		if t == ignore {
			t, w = 0, 0
		} else if n.has(2) {
			w = float32(n.host(2)[t])
		}
		r.target, r.weight = append(r.target, t), append(r.weight, w)
	}
	return x, r
}

// summed reduces the rows' weighted losses.
func (n *node) summed(y *T, r classRows) []*T {
	switch n.str("reduction", "mean") {
	case "mean":
		total := float32(0)
		for _, w := range r.weight {
			total += w
		}
		return []*T{y.Sum().Scale(1 / total)}
	case "sum":
		return []*T{y.Sum()}
	}
	return []*T{y.Reshape(r.shape...)}
}

func crossEntropyONNX(n *node) []*T {
	x, r := n.classesLast()
	o := tensor.CEOptions{Weights: n.s.Floats(r.weight, len(r.weight))}
	y := n.summed(x.CrossEntropy(n.ids(r.target, len(r.target)), o), r)
	shape := n.shape(0)
	log := x.LogSoftmax().Reshape(shape[0], -1, shape[1]).Transpose(1, 2)
	if len(shape) <= 6 {
		log = log.Reshape(shape...)
	}
	return append(y, log)
}

// attentionONNX uses the fused operation where no mask is given, and spells
// attention out where there is one or the scores are asked for.
func attentionONNX(n *node) []*T {
	if n.has(6) {
		n.no("attention over padded keys")
	}
	q, k, v := n.heads(0, "q_num_heads"), n.heads(1, "kv_num_heads"), n.heads(2, "kv_num_heads") // (B, H, T, D)
	past := 0
	present := []*T{k, v}
	if n.has(4) {
		past = n.x(4).Dim(2)
		k, v = n.x(4).Concat(2, k), n.x(5).Concat(2, v)
		present = []*T{k, v}
	}
	scale := n.float("scale", float32(1/math.Sqrt(float64(q.Dim(3)))))
	causal := n.int("is_causal", 0) == 1
	fused := !n.has(3) && len(n.Outputs) < 4 && k.Dim(3) == v.Dim(3)
	var y, scores *T
	if fused {
		y = n.fusedAttention(q, k, v, past, causal, scale)
	} else {
		y, scores = n.spelledAttention(q, k, v, past, causal, scale)
	}
	if len(n.shape(0)) == 3 {
		y = y.Permute(0, 2, 1, 3).Reshape(y.Dim(0), y.Dim(2), -1)
	}
	return append([]*T{y}, append(present, scores)...)
}

// heads is operand i as (B, H, T, D).
func (n *node) heads(i int, name string) *T {
	x := n.x(i)
	if x.Dims() == 4 {
		return x
	}
	return x.Reshape(x.Dim(0), x.Dim(1), n.int(name, 1), -1).Permute(0, 2, 1, 3)
}

// fusedAttention lays the batch end to end. ONNX aligns a causal mask with the
// first key and ours with the last: keys that no query sees are left out.
func (n *node) fusedAttention(q, k, v *T, past int, causal bool, scale float32) *T {
	B, H, T1, D, T2 := q.Dim(0), q.Dim(1), q.Dim(2), q.Dim(3), k.Dim(2)
	flat := func(x *T) *T { return x.Permute(0, 2, 1, 3).Reshape(-1, x.Dim(1), D) }
	keys := T2
	if causal {
		keys = past + T1
	}
	var segments []int
	for b := range B {
		segments = append(segments, b*T1, T1, b*T2, keys)
	}
	if T1 > keys {
		n.no("more queries than keys")
	}
	y := flat(q).Attention(flat(k), flat(v), n.ids(segments, B, 4), tensor.AttentionOptions{
		Scale: scale, SoftCap: n.float("softcap", 0), Bidirectional: !causal,
	})
	return y.Reshape(B, T1, H, D).Permute(0, 2, 1, 3)
}

func (n *node) spelledAttention(q, k, v *T, past int, causal bool, scale float32) (y, scores *T) {
	B, H, T1, T2 := q.Dim(0), q.Dim(1), q.Dim(2), k.Dim(2)
	repeat := func(x *T) *T { // each key head serves H/G query heads
		G, D := x.Dim(1), x.Dim(3)
		return x.Reshape(B, G, 1, T2, D).Expand(B, G, H/G, T2, D).Reshape(B, H, T2, D)
	}
	z := q.Scale(scale).MatMulT(repeat(k))
	stages := []*T{z}
	if c := n.float("softcap", 0); c != 0 {
		z = z.Scale(1 / c).Tanh().Scale(c)
	}
	stages = append(stages, z)
	inf := n.scalar(float32(math.Inf(-1)))
	if n.has(3) {
		mask := n.x(3)
		if mask.Dim(-1) < T2 {
			n.no("a mask shorter than the keys")
		}
		if n.in[3].dtype == "bool" {
			mask = mask.Where(n.scalar(0), inf)
		}
		z = z.Add(mask)
	}
	if causal {
		seen := n.s.Floats(triangle(T1, T2, func(i, j int) bool { return j <= i+past }), T1, T2)
		z = seen.Where(z, inf)
	}
	stages = append(stages, z)
	p := z.Softmax()
	stages = append(stages, p)
	mode := n.int("qk_matmul_output_mode", 0)
	return p.MatMul(repeat(v)), stages[mode]
}

// rotaryONNX spells the rotation out: the cases' tables of cosines and sines
// belong to no frequencies.
func rotaryONNX(n *node) []*T {
	x := n.x(0)
	if x.Dims() == 3 {
		n.no("heads in one row")
	}
	B, H, N, D := x.Dim(0), x.Dim(1), x.Dim(2), x.Dim(3)
	turn := n.int("rotary_embedding_dim", 0)
	if turn == 0 {
		turn = D
	}
	cos, sin := n.x(1), n.x(2)
	if n.has(3) {
		ids := n.ids(n.ints(3), n.shape(3)...)
		cos, sin = cos.Rows(ids), sin.Rows(ids)
	}
	cos, sin = cos.Reshape(B, 1, N, -1), sin.Reshape(B, 1, N, -1)
	head, rest := x.Slice(3, 0, turn), x.Slice(3, turn, D)
	split := func(i int) *T { return head.Slice(3, i*turn/2, (i+1)*turn/2) }
	if n.int("interleaved", 0) == 1 {
		pairs := head.Reshape(-1, turn/2, 2)
		split = func(i int) *T { return pairs.Slice(2, i, i+1).Reshape(B, H, N, turn/2) }
	}
	a, b := split(0), split(1)
	re, im := a.Mul(cos).Sub(b.Mul(sin)), a.Mul(sin).Add(b.Mul(cos))
	y := re.Concat(3, im)
	if n.int("interleaved", 0) == 1 {
		y = re.Unsqueeze(-1).Concat(-1, im.Unsqueeze(-1)).Reshape(B, H, N, turn)
	}
	return []*T{y.Concat(3, rest)}
}

// convONNX: input (B, C, T), weight (C, 1, K) whose last tap is the newest,
// past (B, C, K−1).
func convONNX(n *node) []*T {
	x, w := n.x(0), n.x(1)
	B, C, size, K := x.Dim(0), x.Dim(1), x.Dim(2), w.Dim(2)
	history := n.s.Zeros(B, C, K-1)
	if n.has(3) {
		history = n.x(3)
	}
	all := history.Concat(2, x)
	keys := size + K - 1
	taps := make([]int, K)
	for i := range taps {
		taps[i] = K - 1 - i
	}
	var segments []int
	for b := range B {
		segments = append(segments, b*size, size, b*keys, keys)
	}
	y := all.Permute(0, 2, 1).Reshape(-1, C).CausalConvRows(
		n.take(w.Reshape(C, K), 1, taps).Transpose(0, 1), n.ids(segments, B, 4), B*size)
	if n.has(2) {
		y = y.Add(n.x(2))
	}
	switch n.str("activation", "none") {
	case "none":
	case "silu", "swish":
		y = y.SiLU()
	default:
		n.no("another activation")
	}
	return []*T{y.Reshape(B, size, C).Permute(0, 2, 1), all.Slice(2, size, keys)}
}

// A recurrence is the operands of a recurrent case: one direction, whole sequences
// and zeros to begin with.
type recurrence struct {
	x            *T // (T, B, I)
	w, r, bw, br *T // with gates in our order; biases may be nil
	hidden       int
}

// recurrent returns the operands, whose gates are brought into our order: gate i is
// ONNX's number order[i].
func (n *node) recurrent(order ...int) recurrence {
	if n.has(4) || n.has(5) || n.has(6) || n.has(7) || n.str("direction", "forward") != "forward" || n.float("clip", 0) != 0 {
		n.no("recurrent nets with lengths, states, two directions or peepholes")
	}
	c := recurrence{x: n.x(0), hidden: n.int("hidden_size", 0)}
	if n.int("layout", 0) == 1 {
		c.x = c.x.Transpose(0, 1)
	}
	sorted := func(x *T) *T {
		var parts []*T
		for _, gate := range order {
			parts = append(parts, x.Slice(0, gate*c.hidden, (gate+1)*c.hidden))
		}
		return parts[0].Concat(0, parts[1:]...)
	}
	c.w, c.r = sorted(n.x(1).Squeeze(0)), sorted(n.x(2).Squeeze(0))
	if n.has(3) {
		b, half := n.x(3).Squeeze(0), len(order)*c.hidden
		c.bw, c.br = sorted(b.Slice(0, 0, half)), sorted(b.Slice(0, half, 2*half))
	}
	return c
}

// run returns the states after each step, (T·B, W).
func (c recurrence) run(s *Step, cell tensor.Cell) *T {
	steps, B := c.x.Dim(0), c.x.Dim(1)
	x := c.x.Reshape(steps*B, -1).Linear(c.w, c.bw)
	return x.Recurrent(cell, c.r, c.br, s.Zeros(B, cell.States()*c.hidden), slices.Repeat([]int{B}, steps))
}

// outputs are Y and the last h of h (T·B, H), in the case's layout.
func (n *node) outputs(c recurrence, h *T) []*T {
	steps, B := c.x.Dim(0), c.x.Dim(1)
	y := h.Contiguous().Reshape(steps, 1, B, c.hidden)
	last := y.Slice(0, steps-1, steps).Squeeze(0) // (1, B, H)
	if n.int("layout", 0) == 1 {
		return []*T{y.Permute(2, 0, 1, 3), last.Transpose(0, 1)}
	}
	return []*T{y, last}
}

func rnnONNX(n *node) []*T {
	c := n.recurrent(0)
	return n.outputs(c, c.run(n.s, tensor.ElmanCell))
}

// lstmONNX: ONNX orders input, output, forget, cell.
func lstmONNX(n *node) []*T {
	c := n.recurrent(0, 2, 3, 1)
	states := c.run(n.s, tensor.LSTMCell)
	return n.outputs(c, states.Slice(1, 0, c.hidden))
}

// gruONNX: ONNX orders update, reset, hidden, and resets before the product unless told
// otherwise, as no cell of ours does: then it is spelled out.
func gruONNX(n *node) []*T {
	c := n.recurrent(1, 0, 2)
	if n.int("linear_before_reset", 0) == 1 {
		return n.outputs(c, c.run(n.s, tensor.GRUCell))
	}
	H, B := c.hidden, c.x.Dim(1)
	part := func(x *T, from, to int) *T {
		if x == nil {
			return nil
		}
		return x.Slice(0, from*H, to*H)
	}
	h := n.s.Zeros(B, H)
	var all []*T
	for t := range c.x.Dim(0) {
		x := c.x.Slice(0, t, t+1).Squeeze(0)
		gates := x.Linear(part(c.w, 0, 2), part(c.bw, 0, 2)).Add(h.Linear(part(c.r, 0, 2), part(c.br, 0, 2))).Sigmoid()
		reset, z := gates.Slice(1, 0, H), gates.Slice(1, H, 2*H)
		hat := x.Linear(part(c.w, 2, 3), part(c.bw, 2, 3)).Add(reset.Mul(h).Linear(part(c.r, 2, 3), part(c.br, 2, 3))).Tanh()
		h = hat.Add(z.Mul(h.Sub(hat)))
		all = append(all, h)
	}
	return n.outputs(c, all[0].Concat(0, all[1:]...))
}
