package machine

import "github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"

// integers are the general-purpose instructions: the result from destination
// and source. compares and moves say which write what.
var integers = map[string]func(dst, src uint64) uint64{
	"MOVQ":    func(_, src uint64) uint64 { return src },
	"MOVBQZX": func(_, src uint64) uint64 { return src & 0xff },
	"ADDQ":    func(dst, src uint64) uint64 { return dst + src },
	"SUBQ":    func(dst, src uint64) uint64 { return dst - src },
	"SHLQ":    func(dst, src uint64) uint64 { return dst << src },
	"SHRQ":    func(dst, src uint64) uint64 { return dst >> src },
	"SHLXQ":   func(x, n uint64) uint64 { return x << (n & 63) },
	"KMOVW":   func(_, src uint64) uint64 { return src },
	"ANDQ":    func(dst, src uint64) uint64 { return dst & src },
	"DECQ":    func(dst, _ uint64) uint64 { return dst - 1 },
	"NEGQ":    func(dst, _ uint64) uint64 { return -dst },
	"LEAQ":    func(_, src uint64) uint64 { return src },
	"CMPQ":    func(a, b uint64) uint64 { return a - b },
	"TESTQ":   func(a, b uint64) uint64 { return a & b },
}

func (m *Machine) integer(in emit.Instr, f func(dst, src uint64) uint64) {
	first, last := in.Args[0], in.Args[len(in.Args)-1]
	switch in.Op {
	case "CMPQ": // Go writes CMPQ a, b for a − b
		a, b := m.value(first), m.value(last)
		m.zero, m.less = a == b, int64(a) < int64(b)
		return
	case "TESTQ":
		m.flags(f(m.value(first), m.value(last)))
		return
	case "LEAQ":
		m.gp[last.(*emit.Reg).Num] = m.address(first.(emit.Mem))
		return
	case "MOVQ", "MOVBQZX":
		if slot, ok := last.(emit.Mem); ok {
			m.setArg(slot, m.value(first))
			return
		}
		m.gp[last.(*emit.Reg).Num] = f(0, m.value(first))
		return
	case "SHLXQ": // Go writes SHLXQ n, x, destination
		m.gp[last.(*emit.Reg).Num] = f(m.value(in.Args[1]), m.value(first))
		return
	case "KMOVW":
		m.mask[last.(*emit.Reg).Num] = uint16(m.value(first))
		return
	}
	r := last.(*emit.Reg).Num
	src := m.value(first)
	result := f(m.gp[r], src)
	if in.Op == "SUBQ" {
		m.zero, m.less = m.gp[r] == src, int64(m.gp[r]) < int64(src)
	} else {
		m.flags(result)
	}
	m.gp[r] = result
}

func (m *Machine) flags(v uint64) { m.zero, m.less = v == 0, int64(v) < 0 }

// value is a 64-bit operand.
func (m *Machine) value(a any) uint64 {
	switch a := a.(type) {
	case *emit.Reg:
		return m.gp[a.Num]
	case int:
		return uint64(a)
	case emit.Mem:
		if v, ok := m.args[a.Sym]; ok {
			return v
		}
	}
	panic("operand is no integer")
}

// setArg writes an argument of its own function, the only memory that integers go to.
func (m *Machine) setArg(slot emit.Mem, v uint64) {
	if _, ok := m.args[slot.Sym]; !ok {
		panic("no argument")
	}
	m.args[slot.Sym] = v
}
