package cpu

import (
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

type softmaxTask struct {
	lines
	v    *vectors
	y, x mat
	log  bool
}

// Softmax subtracts a row's maximum, so that no exponential overflows.
func (d *device) Softmax(y, x mat, log bool) {
	kernel.CheckSoftmax(y, x)
	d.softmax = softmaxTask{rowsOf(x.Rows, x.Cols), &d.vectors, y, x, log}
	d.parallel(d.softmax.tiles(), &d.softmax)
}

func (t *softmaxTask) tile(w *worker, i int) {
	from, to := t.of(i)
	for r := from; r < to; r++ {
		y, x := t.row(t.y, r), t.row(t.x, r)
		top := t.v.maxOf(x)
		if !t.log {
			sum := t.v.totalExp(y, x, top)
			t.v.unary[kernel.MulScalar](y, y, float32(1/sum), 0)
			continue
		}
		// One subtraction of top + log Σ would round away the logarithm beside a large maximum.
		log := float32(math.Log(t.v.sumExp(w.scratch(chunk), x, top)))
		t.v.unary[kernel.AddScalar](y, x, -top, 0)
		t.v.unary[kernel.AddScalar](y, y, -log, 0)
	}
}

// sumExp is Σ exp(x−top). The exponentials themselves go to room, a chunk, and are thrown away.
func (v *vectors) sumExp(room, x []float32, top float32) (sum float64) {
	for len(x) > 0 {
		n := min(chunk, len(x))
		sum += float64(v.expSum(room[:n], x[:n], top))
		x = x[n:]
	}
	return sum
}

type softmaxGradTask struct {
	lines
	v         *vectors
	dx, y, dy mat
	log, acc  bool
}

// SoftmaxGrad is y·(dy − Σ dy·y), of the logarithm dy − eʸ·Σ dy.
func (d *device) SoftmaxGrad(dx, y, dy mat, log, acc bool) {
	kernel.CheckSoftmaxGrad(dx, y, dy)
	d.softmaxGrad = softmaxGradTask{rowsOf(y.Rows, y.Cols), &d.vectors, dx, y, dy, log, acc}
	d.parallel(d.softmaxGrad.tiles(), &d.softmaxGrad)
}

func (t *softmaxGradTask) tile(w *worker, i int) {
	from, to := t.of(i)
	for r := from; r < to; r++ {
		dx, y, dy := t.row(t.dx, r), t.row(t.y, r), t.row(t.dy, r)
		room := w.scratch(len(dx))
		if t.log {
			sum := total(t.v.sum, dy)
			t.v.unary[kernel.Exp](room, y, 0, 0)
			t.v.unary[kernel.MulScalar](room, room, float32(sum), 0)
			t.v.difference(dx, dy, room, t.acc)
			continue
		}
		sum := total2(t.v.dot, dy, y)
		t.v.unary[kernel.AddScalar](room, dy, -float32(sum), 0)
		t.v.product(dx, y, room, t.acc)
	}
}

// difference sets dst = a−b or adds it; b is lost.
func (v *vectors) difference(dst, a, b []float32, acc bool) {
	if !acc {
		v.binary[kernel.Sub](dst, a, b)
		return
	}
	v.binary[kernel.Sub](b, a, b)
	v.binary[kernel.Add](dst, dst, b)
}

type crossEntropyTask struct {
	lines
	v                                       *vectors
	loss, dlogits, logits, targets, weights mat
	ignore                                  int32
	smoothing                               float32
}

// CrossEntropy reads each row of logits twice and writes its gradient once.
func (d *device) CrossEntropy(loss, dlogits, logits, targets, weights mat, ignore int32, smoothing float32) {
	kernel.CheckCrossEntropy(loss, dlogits, logits, targets, weights, ignore)
	d.crossEntropy = crossEntropyTask{rowsOf(logits.Rows, logits.Cols), &d.vectors,
		loss, dlogits, logits, targets, weights, ignore, smoothing}
	d.parallel(d.crossEntropy.tiles(), &d.crossEntropy)
}

func (t *crossEntropyTask) tile(w *worker, i int) {
	from, to := t.of(i)
	for r := from; r < to; r++ {
		weight, target := float32(1), i32At(t.targets, r)
		if !t.weights.Nil() {
			weight = f32At(t.weights, r)
		}
		loss := &kernel.Elements[float32](t.loss.Buf)[t.loss.At(r)]
		if target == int(t.ignore) || weight == 0 {
			*loss = 0
			clear(rowOrNil(t.dlogits, r))
			continue
		}
		*loss = weight * t.line(w, r, target, weight)
	}
}

// line is the loss of row r; its gradient goes to dlogits, which may be the logits.
func (t *crossEntropyTask) line(w *worker, r, target int, weight float32) float32 {
	x, e := t.row(t.logits, r), t.smoothing
	top, hit, mean := t.v.maxOf(x), x[target], float32(0)
	if e != 0 {
		mean = float32(total(t.v.sum, x) / float64(len(x)))
	}
	var sum float64
	if t.dlogits.Nil() {
		sum = t.v.sumExp(w.scratch(chunk), x, top)
	} else {
		d := t.row(t.dlogits, r)
		sum = t.v.totalExp(d, x, top)
		t.v.unary[kernel.MulScalar](d, d, float32(float64(weight)/sum), 0)
		if e != 0 {
			t.v.unary[kernel.AddScalar](d, d, -weight*e/float32(len(x)), 0)
		}
		d[target] -= weight * (1 - e)
	}
	lse := float32(float64(top) + math.Log(sum))
	if e == 0 {
		return lse - hit
	}
	return (1-e)*(lse-hit) + e*(lse-mean)
}
