// Package emit writes Go assembly from programs that build it: a [Func] is a
// list of instructions over virtual registers, printed once registers are
// allotted. It is no compiler: the order of instructions is the author's.
//
// One description gives a version for every [ISA]: the methods named after
// arithmetic (Add, FMA, Select …) pick the instruction, registers have the
// instruction set's width, and masks are vectors on AVX2 and K registers on
// AVX-512. The list of instructions can also be executed without the
// processor: package machine does, which is how a version is verified on a
// machine that lacks its instruction set.
package emit

import (
	"fmt"
	"strings"
)

// An ISA is an instruction set with vectors of one width.
type ISA struct {
	Name   string // suffix of symbols
	Letter string // of vector registers
	Lanes  int    // float32 elements of a vector
	Regs   int    // vector registers
}

// Instruction sets. AVX-512 stands for its subsets F, BW, DQ and VL, which
// every processor since Skylake-X and Zen 4 has.
var (
	AVX2   = &ISA{Name: "AVX2", Letter: "Y", Lanes: 8, Regs: 16}
	AVX512 = &ISA{Name: "AVX512", Letter: "Z", Lanes: 16, Regs: 32}
	// BF16 is AVX-512 with products of BF16 pairs (Cooper Lake 2020, Zen 4 2022).
	BF16 = &ISA{Name: "BF16", Letter: "Z", Lanes: 16, Regs: 32}
	// VNNI is AVX-512 with products of fours of bytes (Ice Lake 2019, Zen 4 2022), and AVXVNNI is
	// AVX2 with them (Alder Lake 2021, Zen 5 2024).
	VNNI    = &ISA{Name: "VNNI", Letter: "Z", Lanes: 16, Regs: 32}
	AVXVNNI = &ISA{Name: "AVXVNNI", Letter: "Y", Lanes: 8, Regs: 16}
	// AMX is AVX-512 with tiles (Sapphire Rapids 2023).
	AMX = &ISA{Name: "AMX", Letter: "Z", Lanes: 16, Regs: 32}
)

// Wide reports whether the instruction set is AVX-512.
func (isa *ISA) Wide() bool { return isa.Lanes == 16 }

// Bytes is the size of a vector.
func (isa *ISA) Bytes() int { return 4 * isa.Lanes }

// A Param is an argument of a function: a pointer, an integer of 64 bits, a
// float32, a uint32, a bool or a slice; or, behind all arguments, a float32 that
// it returns.
type Param struct {
	Name, Type string
	Result     bool
	offset     int
}

// size is the space that the parameter takes in the frame, and its alignment.
func (p Param) size() (bytes, align int) {
	switch {
	case p.slice():
		return 24, 8
	case p.Type == "float32", p.Type == "uint32":
		return 4, 4
	case p.Type == "bool":
		return 1, 1
	}
	return 8, 8
}

func (p Param) slice() bool { return strings.HasPrefix(p.Type, "[]") }

// A Func is one assembly function.
type Func struct {
	ISA    *ISA
	Name   string
	Doc    string // of the Go declaration, without //
	Params []Param
	Code   []Instr

	file   *File
	loops  [][2]int // first and last instruction of each loop
	labels int
}

// Arg loads an argument into a new register.
func (f *Func) Arg(name string) *Reg {
	r := f.GP()
	f.I("MOVQ", f.ArgMem(name), r)
	return r
}

// ArgMem is the memory that holds an argument. Of a slice s it holds s_base,
// the address of the elements, and s_len, their number.
func (f *Func) ArgMem(name string) Mem {
	for _, p := range f.Params {
		for _, w := range p.words() {
			if w.Name == name {
				return Mem{Sym: fmt.Sprintf("%s+%d(FP)", w.Name, w.offset)}
			}
		}
	}
	panic("emit: " + f.Name + " has no argument " + name)
}

// Words is where each word of the arguments lies, in their order: one for a
// number or an address, for a slice its address, length and capacity. The
// words of results follow.
func (f *Func) Words() (args, results []Mem) {
	for _, p := range f.Params {
		for _, w := range p.words() {
			if p.Result {
				results = append(results, f.ArgMem(w.Name))
			} else {
				args = append(args, f.ArgMem(w.Name))
			}
		}
	}
	return args, results
}

// words are the parts of a parameter.
func (p Param) words() []Param {
	if !p.slice() {
		return []Param{p}
	}
	return []Param{
		{Name: p.Name + "_base", offset: p.offset},
		{Name: p.Name + "_len", offset: p.offset + 8},
		{Name: p.Name + "_cap", offset: p.offset + 16},
	}
}

// Flag loads a bool into a new register.
func (f *Func) Flag(name string) *Reg {
	r := f.GP()
	f.I("MOVBQZX", f.ArgMem(name), r)
	return r
}

// Return stores the first lane of a vector as a result.
func (f *Func) Return(v *Reg, name string) { f.I("VMOVSS", v.Low("X"), f.ArgMem(name)) }

// GP returns a new general-purpose register.
func (f *Func) GP() *Reg { return &Reg{Class: GP, Num: -1} }

// Vec returns a new vector register.
func (f *Func) Vec() *Reg { return &Reg{Class: Vector, Num: -1, Letter: f.ISA.Letter} }

// I appends an instruction.
func (f *Func) I(op string, args ...any) { f.Code = append(f.Code, Instr{Op: op, Args: args}) }

// Note comments the last instruction.
func (f *Func) Note(s string) { f.Code[len(f.Code)-1].Note = s }

// NewLabel returns a label of its own.
func (f *Func) NewLabel(stem string) Label {
	f.labels++
	return Label(fmt.Sprintf("%s%d", stem, f.labels))
}

// Place puts a label here.
func (f *Func) Place(l Label) { f.Code = append(f.Code, Instr{Args: []any{l}}) }

// Loop repeats body until the flags say zero: body ends by setting them, with
// a decrement for instance. Jumps backwards exist in loops alone, which is
// what keeps the allotment of registers simple.
func (f *Func) Loop(stem string, body func()) {
	l, start := f.NewLabel(stem), len(f.Code)
	f.Place(l)
	body()
	f.I("JNZ", l)
	f.loops = append(f.loops, [2]int{start, len(f.Code) - 1})
}

// Repeat runs body n times, none when n is 0; n counts down.
func (f *Func) Repeat(stem string, n *Reg, body func()) {
	done := f.NewLabel(stem + "end")
	f.I("TESTQ", n, n)
	f.I("JZ", done)
	f.Loop(stem, func() {
		body()
		f.I("DECQ", n)
	})
	f.Place(done)
}

// While runs body as long as n ≥ step, lowering n by step each time; what is
// left of n stays in it.
func (f *Func) While(stem string, n *Reg, step int, body func()) {
	done, l, start := f.NewLabel(stem+"end"), f.NewLabel(stem), 0
	f.I("SUBQ", step, n)
	f.I("JLT", done)
	start = len(f.Code)
	f.Place(l)
	body()
	f.I("SUBQ", step, n)
	f.I("JGE", l)
	f.loops = append(f.loops, [2]int{start, len(f.Code) - 1})
	f.Place(done)
	f.I("ADDQ", step, n)
}

// When runs body where r is not 0. What body computes must go to registers
// that exist before: those of its own are undefined behind it.
func (f *Func) When(r *Reg, body func()) {
	skip := f.NewLabel("skip")
	f.I("TESTQ", r, r)
	f.I("JZ", skip)
	body()
	f.Place(skip)
}

// Ret returns. Upper halves of vectors are cleared: Go's own floating point
// is legacy SSE, which runs at a third of its speed behind dirty ones.
func (f *Func) Ret() {
	f.I("VZEROUPPER")
	f.I("RET")
}

func (f *Func) signature() string {
	var args, results []string
	for i, p := range f.Params {
		list := &args
		if p.Result {
			list = &results
		}
		if i+1 < len(f.Params) && f.Params[i+1].Type == p.Type && f.Params[i+1].Result == p.Result {
			*list = append(*list, p.Name)
		} else {
			*list = append(*list, p.Name+" "+p.Type)
		}
	}
	s := "func " + f.Name + "(" + strings.Join(args, ", ") + ")"
	if results != nil {
		s += " (" + strings.Join(results, ", ") + ")"
	}
	return s
}

// argBytes places the parameters; results begin at a multiple of eight.
func (f *Func) argBytes() int {
	n := 0
	for i := range f.Params {
		p := &f.Params[i]
		size, align := p.size()
		if p.Result && (i == 0 || !f.Params[i-1].Result) {
			align = 8
		}
		n = (n + align - 1) &^ (align - 1)
		p.offset = n
		n += size
	}
	return n
}
