package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// Optimizer steps, one pass over weights w, gradients g and state m, v. Numbers
// are loaded where they are used: memory is what these loops wait for.

// optimizer writes the optimizers' rules.
func optimizer() *emit.File {
	file := &emit.File{Name: "optimizer"}
	for _, isa := range versions {
		file.Func(isa, "sgd", "sets w −= lr·d, d = g·scale + decay·w.",
			params([]string{"w", "g"}, []string{"scale", "decay", "lr"}, nil), sgd)
		file.Func(isa, "momentum", "sets m = b1·m + d and w −= lr·m, or lr·(d + b1·m) with nesterov.",
			params([]string{"w", "g", "m"}, []string{"scale", "decay", "lr", "b1"}, []string{"nesterov"}), momentum)
		file.Func(isa, "adam", `sets m = b1·m + c1·d, v = b2·v + c2·d² and w = keep·w − rate·m/(√v·root + eps),
d = g·scale + decay·w.`,
			params([]string{"w", "g", "m", "v"}, []string{"scale", "decay", "b1", "c1", "b2", "c2", "rate", "root", "eps", "keep"}, nil), adam)
		file.Func(isa, "adaGrad", "sets v += d² and w −= lr·d/(√v + eps).",
			params([]string{"w", "g", "v"}, []string{"scale", "decay", "lr", "eps"}, nil), adaGrad)
		file.Func(isa, "rmsProp", "sets v = b2·v + c2·d² and w −= lr·d/(√v + eps).",
			params([]string{"w", "g", "v"}, []string{"scale", "decay", "lr", "b2", "c2", "eps"}, nil), rmsProp)
		file.Func(isa, "rmsPropMomentum", "is rmsProp with m = b1·m + d/(√v + eps) and w −= lr·m.",
			params([]string{"w", "g", "m", "v"}, []string{"scale", "decay", "lr", "b1", "b2", "c2", "eps"}, nil), rmsPropMomentum)
	}
	return file
}

// direction is w and d = g·scale + decay·w.
func (t *turn) direction() (w, d *emit.Reg) {
	w = t.load("w")
	d = t.Mul(t.load("g"), t.number("scale"))
	t.FMA(d, w, t.number("decay"))
	return w, d
}

// mean stores slice = b·slice + c·x and returns it.
func (t *turn) mean(slice, b, c string, x *emit.Reg) *emit.Reg {
	s := t.Mul(t.load(slice), t.number(b))
	t.FMA(s, x, t.number(c))
	t.store(slice, s)
	return s
}

func sgd(f *emit.Func) {
	each(f, 1, func(t *turn) {
		w, d := t.direction()
		t.FNMA(w, d, t.number("lr"))
		t.store("w", w)
	})
	f.Ret()
}

func momentum(f *emit.Func) {
	nesterov := f.Flag("nesterov")
	each(f, 1, func(t *turn) {
		w, d := t.direction()
		b := t.number("b1")
		m := t.Copy(d)
		t.FMA(m, b, t.load("m"))
		t.store("m", m)
		t.When(nesterov, func() {
			t.MulBy(m, b)
			t.AddTo(m, d)
		})
		t.FNMA(w, m, t.number("lr"))
		t.store("w", w)
	})
	f.Ret()
}

func adam(f *emit.Func) {
	each(f, 1, func(t *turn) {
		w, d := t.direction()
		m := t.mean("m", "b1", "c1", d)
		v := t.mean("v", "b2", "c2", t.Mul(d, d))
		below := t.number("eps")
		t.FMA(below, t.Sqrt(v), t.number("root"))
		w = t.Mul(w, t.number("keep"))
		t.FNMA(w, t.Div(m, below), t.number("rate"))
		t.store("w", w)
	})
	f.Ret()
}

func adaGrad(f *emit.Func) {
	each(f, 1, func(t *turn) {
		w, d := t.direction()
		v := t.load("v")
		t.FMA(v, d, d)
		t.store("v", v)
		t.FNMA(w, t.Div(d, t.Add(t.Sqrt(v), t.number("eps"))), t.number("lr"))
		t.store("w", w)
	})
	f.Ret()
}

func rmsProp(f *emit.Func) {
	each(f, 1, func(t *turn) {
		w, d := t.direction()
		v := t.mean("v", "b2", "c2", t.Mul(d, d))
		t.FNMA(w, t.Div(d, t.Add(t.Sqrt(v), t.number("eps"))), t.number("lr"))
		t.store("w", w)
	})
	f.Ret()
}

func rmsPropMomentum(f *emit.Func) {
	each(f, 1, func(t *turn) {
		w, d := t.direction()
		v := t.mean("v", "b2", "c2", t.Mul(d, d))
		m := t.Div(d, t.Add(t.Sqrt(v), t.number("eps")))
		t.FMA(m, t.load("m"), t.number("b1"))
		t.store("m", m)
		t.FNMA(w, m, t.number("lr"))
		t.store("w", w)
	})
	f.Ret()
}
