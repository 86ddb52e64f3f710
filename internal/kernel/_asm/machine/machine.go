// Package machine executes functions of package emit without the processor:
// a second opinion on kernels whose instruction set the machine at hand lacks.
// It knows the instructions that kernels use and no other, each by the
// definition in Intel's manual, and it faults on any access outside the memory
// it was given, one masked lane included.
package machine

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
)

// A Machine is one call of a function.
type Machine struct {
	file  *emit.File
	gp    [16]uint64
	vec   [32][16]uint32
	mask  [8]uint16
	tiles [8]tile
	zero  bool // flags of the last comparison or arithmetic
	less  bool
	args  map[string]uint64
	mem   []segment
}

// A segment is memory at an address.
type segment struct {
	at   uint64
	data []byte
}

// New returns a machine for functions of file.
func New(file *emit.File) *Machine { return &Machine{file: file, args: map[string]uint64{}} }

// Map gives the machine words of memory and returns their address. Words are
// written back to the slice by Call.
func (m *Machine) Map(words []uint32) (addr uint64) {
	addr = uint64(len(m.mem)+1) << 32
	data := make([]byte, 4*len(words))
	for i, w := range words {
		binary.LittleEndian.PutUint32(data[4*i:], w)
	}
	m.mem = append(m.mem, segment{addr, data})
	return addr
}

// Words is the memory mapped at addr.
func (m *Machine) Words(addr uint64) []uint32 {
	data := m.mem[addr>>32-1].data
	words := make([]uint32, len(data)/4)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	return words
}

// Call runs f with the words of its arguments in order: addresses and integers
// as uint64, float32 by their bits, slices as address, length and capacity.
func (m *Machine) Call(f *emit.Func, args ...uint64) (err error) {
	words, _ := f.Words()
	if len(args) != len(words) {
		return fmt.Errorf("machine: %s has %d words of arguments, not %d", f.Name, len(words), len(args))
	}
	for i, w := range words {
		m.args[w.Sym] = args[i]
	}
	labels := map[emit.Label]int{}
	for i, in := range f.Code {
		if in.Op == "" {
			labels[in.Args[0].(emit.Label)] = i
		}
	}
	pc := 0
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("machine: %s, instruction %d, %s: %v", f.Name, pc, f.Code[pc].Op, r)
		}
	}()
	for {
		in := f.Code[pc]
		pc++
		switch {
		case in.Op == "":
		case in.Op == "RET":
			return nil
		case in.Op[0] == 'J':
			if m.jumps(in.Op) {
				pc = labels[in.Args[0].(emit.Label)]
			}
		default:
			pc--
			m.execute(in)
			pc++
		}
	}
}

// Results are the float32 numbers that the last call of f returned.
func (m *Machine) Results(f *emit.Func) (numbers []float32) {
	_, words := f.Words()
	for _, w := range words {
		numbers = append(numbers, float(uint32(m.args[w.Sym])))
	}
	return numbers
}

func (m *Machine) jumps(op string) bool {
	switch op {
	case "JMP":
		return true
	case "JEQ", "JZ":
		return m.zero
	case "JNE", "JNZ":
		return !m.zero
	case "JLT":
		return m.less
	case "JGE":
		return !m.less
	}
	panic("unknown jump")
}

func (m *Machine) execute(in emit.Instr) {
	if f, ok := integers[in.Op]; ok {
		m.integer(in, f)
		return
	}
	if in.Op == "VZEROUPPER" {
		for i := range 16 {
			clear(m.vec[i][4:])
		}
		return
	}
	f, ok := vectors[in.Op]
	if !ok {
		panic("unknown instruction")
	}
	f(m, in.Args)
}

// address is where a memory operand lies. A constant gets memory when its
// address is taken.
func (m *Machine) address(a emit.Mem) uint64 {
	if words, ok := m.file.Words(a.Sym); ok {
		return m.Map(words[:])
	}
	at := m.gp[a.Base.Num] + uint64(a.Disp)
	if a.Index != nil {
		at += m.gp[a.Index.Num] * uint64(a.Scale)
	}
	return at
}

// bytes is n bytes of memory.
func (m *Machine) bytes(at uint64, n int) []byte {
	for _, s := range m.mem {
		if off := at - s.at; at >= s.at && off+uint64(n) <= uint64(len(s.data)) {
			return s.data[off : off+uint64(n)]
		}
	}
	panic(fmt.Sprintf("no memory at %#x, %d bytes", at, n))
}

// word is the 32-bit word i of an operand; memory is touched at that word alone.
func (m *Machine) word(a any, i int) uint32 {
	switch a := a.(type) {
	case *emit.Reg:
		return m.vec[number(a)][i]
	case emit.Mem:
		if a.Sym == "" {
			return binary.LittleEndian.Uint32(m.bytes(m.address(a)+uint64(4*i), 4))
		}
		if words, ok := m.file.Words(a.Sym); ok {
			return words[i]
		}
		if v, ok := m.args[a.Sym]; ok {
			return uint32(v >> (32 * i))
		}
	}
	panic(fmt.Sprintf("operand %v", a))
}

// set writes the lanes of a vector register, clearing what lies above them.
func (m *Machine) set(r *emit.Reg, lane func(i int) uint32) {
	var v [16]uint32
	for i := range lanes(r) {
		v[i] = lane(i)
	}
	m.vec[number(r)] = v
}

func lanes(r *emit.Reg) int {
	switch r.Letter {
	case "X":
		return 4
	case "Y":
		return 8
	}
	return 16
}

// number is the register's, also when r is a part of it.
func number(r *emit.Reg) int { return r.Root().Num }

func float(w uint32) float32 { return math.Float32frombits(w) }
func bits(x float32) uint32  { return math.Float32bits(x) }
