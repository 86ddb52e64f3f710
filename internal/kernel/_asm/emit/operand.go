package emit

import (
	"fmt"
	"strings"
)

// A Class is a file of registers.
type Class byte

// Register files: general purpose, vector, and AVX-512 mask.
const (
	GP Class = iota
	Vector
	Mask
)

// general are the registers handed out for integers and addresses. SP, BP and
// R15 (global offset table) belong to the toolchain, R14 holds g for most Go code.
var general = []string{"AX", "BX", "CX", "DX", "SI", "DI", "R8", "R9", "R10", "R11", "R12", "R13"}

// A Reg is a register of a function being written. It is virtual until
// [Func.end] gives it a number that no register alive at the same time has.
type Reg struct {
	Class  Class
	Num    int    // index of general, or the number of Y, Z or K
	Letter string // X, Y or Z of a vector
	of     *Reg   // the register that this one is a part of
}

// Root is the register itself, or the whole that it is a part of.
func (r *Reg) Root() *Reg {
	if r.of != nil {
		return r.of
	}
	return r
}

// Name is the register as the assembler writes it.
func (r *Reg) Name() string {
	switch r.Class {
	case GP:
		return general[r.Num]
	case Vector:
		return fmt.Sprintf("%s%d", r.Letter, r.Root().Num)
	}
	return fmt.Sprintf("K%d", r.Num)
}

// Low is the low part of a vector: its first 16 bytes as "X", its first 32 as "Y".
func (r *Reg) Low(letter string) *Reg { return &Reg{Class: Vector, Letter: letter, of: r.Root()} }

// A Mem is memory at Disp + Base + Index·Scale, or at a symbol.
type Mem struct {
	Base, Index *Reg
	Scale       int
	Disp        int
	Sym         string // a constant's symbol, or an argument of the function
}

// At is memory at a register plus a displacement in bytes.
func At(base *Reg, disp int) Mem { return Mem{Base: base, Disp: disp} }

// AtIndex is memory at base + index·scale.
func AtIndex(base, index *Reg, scale int) Mem { return Mem{Base: base, Index: index, Scale: scale} }

func (m Mem) text() string {
	if m.Sym != "" {
		return m.Sym
	}
	var s strings.Builder
	if m.Disp != 0 {
		fmt.Fprintf(&s, "%d", m.Disp)
	}
	fmt.Fprintf(&s, "(%s)", m.Base.Name())
	if m.Index != nil {
		fmt.Fprintf(&s, "(%s*%d)", m.Index.Name(), m.Scale)
	}
	return s.String()
}

// A Label is a place that jumps name.
type Label string

// An Instr is one instruction: Op and its operands in the order of Go's
// assembler, destination last. An operand is a *Reg, a [Mem], a [Label] or an
// int (an immediate). An Instr with Op "" stands for the label Args[0].
type Instr struct {
	Op   string
	Args []any
	Note string
}

func (i Instr) text() string {
	if i.Op == "" {
		return string(i.Args[0].(Label)) + ":"
	}
	if e, ok := encoded[i.Op]; ok {
		return e.text(i)
	}
	if e, ok := tiles[i.Op]; ok {
		return e.tileText(i)
	}
	args := make([]string, len(i.Args))
	for n, a := range i.Args {
		switch a := a.(type) {
		case *Reg:
			args[n] = a.Name()
		case Mem:
			args[n] = a.text()
		case Label:
			args[n] = string(a)
		case int:
			args[n] = fmt.Sprintf("$%d", a)
		default:
			panic(fmt.Sprintf("emit: %s: operand %T", i.Op, a))
		}
	}
	s := strings.TrimRight("\t"+i.Op+" "+strings.Join(args, ", "), " ")
	if i.Note != "" {
		s += " // " + i.Note
	}
	return s
}
