package main

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// norm writes what normalisation does to a row; x̂ is (x−mean)·rstd.
func norm() *emit.File {
	file := &emit.File{Name: "norm"}
	for _, isa := range versions {
		file.Func(isa, "normalize", "sets y = x̂·w + b; w and b may be absent.",
			params([]string{"y", "x", "w", "b"}, []string{"mean", "rstd"}, nil), normalize)
		file.Func(isa, "normSums", "returns Σ dy·w and Σ dy·w·x̂; w may be absent.",
			append(params([]string{"x", "w", "dy"}, []string{"mean", "rstd"}, nil),
				emit.Param{Name: "sumG", Type: "float32", Result: true}, emit.Param{Name: "sumGX", Type: "float32", Result: true}), normSums)
		file.Func(isa, "normGrad", `sets dx = rstd·(dy·w − meanG − x̂·meanGX), or adds it, and adds dy·x̂ to dw
and dy to db; dw, db and w may be absent.`,
			params([]string{"dx", "dw", "db", "x", "w", "dy"}, []string{"mean", "rstd", "meanG", "meanGX"}, []string{"acc"}), normGrad)
	}
	return file
}

// broadcast has float32 arguments in every lane.
func broadcast(f *emit.Func, names ...string) map[string]*emit.Reg {
	all := map[string]*emit.Reg{}
	for _, name := range names {
		all[name] = f.Broadcast(f.ArgMem(name))
	}
	return all
}

// standard is x̂.
func standard(t *turn, c map[string]*emit.Reg) *emit.Reg {
	return t.Mul(t.Sub(t.load("x"), c["mean"]), c["rstd"])
}

func normalize(f *emit.Func) {
	c := broadcast(f, "mean", "rstd")
	each(f, 2, func(t *turn) {
		z := standard(t, c)
		t.When(t.base["w"], func() { t.MulBy(z, t.load("w")) })
		t.When(t.base["b"], func() { t.AddTo(z, t.load("b")) })
		t.store("y", z)
	})
	f.Ret()
}

func normSums(f *emit.Func) {
	c, g, gx := broadcast(f, "mean", "rstd"), zeros(f, 2), zeros(f, 2)
	each(f, 2, func(t *turn) {
		d := t.load("dy")
		t.When(t.base["w"], func() { t.MulBy(d, t.load("w")) })
		t.AddTo(g[t.unit], d)
		t.FMA(gx[t.unit], d, t.existing(standard(t, c)))
	})
	f.Return(f.Across("VADDPS", joined(f, "VADDPS", g)), "sumG")
	f.Return(f.Across("VADDPS", joined(f, "VADDPS", gx)), "sumGX")
	f.Ret()
}

func normGrad(f *emit.Func) {
	c, acc := broadcast(f, "mean", "rstd", "meanG", "meanGX"), f.Flag("acc")
	each(f, 1, func(t *turn) {
		d, z := t.load("dy"), standard(t, c)
		t.When(t.base["dw"], func() {
			w := t.load("dw")
			t.FMA(w, d, z)
			t.store("dw", w)
		})
		t.When(t.base["db"], func() { t.store("db", t.Add(d, t.load("db"))) })
		t.When(t.base["w"], func() { t.MulBy(d, t.load("w")) })
		v := t.Sub(d, c["meanG"])
		t.FNMA(v, z, c["meanGX"])
		t.put("dx", t.Mul(v, c["rstd"]), acc)
	})
	f.Ret()
}
