package emit

import "fmt"

// A Tile is one of the eight tile registers of AMX: 16 rows of 64 bytes, or what the configuration
// says (Intel's manual, volume 1, chapter 18). Its instructions are encoded here, as the assembler
// does not know them: VEX, opcode map 0F38, W0, 128 bits wide.
type Tile byte

// tiles are the instructions: prefix (none, 66, F3, F2 as 0 to 3) and opcode. The configuration
// takes memory, loads and stores take memory whose index is the bytes between rows, and products take
// d, a and b: d, 16 sums a row, gains each row of a times each column of b.
var tiles = map[string]encoding{
	"LDTILECFG":   {0, 0x49, true},
	"TILERELEASE": {0, 0x49, true},
	"TILEZERO":    {3, 0x49, true},
	"TILELOADD":   {3, 0x4b, true},
	"TILESTORED":  {2, 0x4b, true},
	"TDPBSSD":     {3, 0x5e, true}, // signed bytes, four to a word, in integers
	"TDPBSUD":     {2, 0x5e, true}, // signed bytes of a, unsigned ones of b
	"TDPBF16PS":   {2, 0x5c, true}, // pairs of BF16, in float32
}

// numbers of the general registers as instructions have them, in the order of general.
var registerNumbers = []byte{0, 3, 1, 2, 6, 7, 8, 9, 10, 11, 12, 13}

// tileText is a tile instruction in bytes, and itself as the comment.
func (e encoding) tileText(i Instr) string {
	var reg, v byte // fields of the instruction
	rx, rb := byte(1), byte(1)
	var tail []byte
	switch a := i.Args; i.Op {
	case "TILERELEASE":
		tail = []byte{0xc0}
	case "TILEZERO":
		reg = byte(a[0].(Tile))
		tail = []byte{0xc0 | reg<<3}
	case "TDPBSSD", "TDPBSUD", "TDPBF16PS":
		reg, v = byte(a[2].(Tile)), byte(a[0].(Tile))
		tail = []byte{0xc0 | reg<<3 | byte(a[1].(Tile))}
	default:
		m, ok := a[0].(Mem)
		if i.Op == "TILESTORED" {
			m, ok = a[1].(Mem), true
			reg = byte(a[0].(Tile))
		} else if len(a) > 1 {
			reg = byte(a[1].(Tile))
		}
		if !ok {
			panic("emit: " + i.Op + " takes memory")
		}
		tail, rx, rb = memoryBytes(reg, m)
	}
	b := append([]byte{0xc4, 1<<7 | rx<<6 | rb<<5 | 2, ^v&15<<3 | e.prefix, e.opcode}, tail...)
	s := "\t"
	for n, x := range b {
		if n > 0 {
			s += "; "
		}
		s += fmt.Sprintf("BYTE $0x%02x", x)
	}
	s += " // " + i.Op
	for _, a := range i.Args {
		switch a := a.(type) {
		case Mem:
			s += " " + a.text()
		case Tile:
			s += fmt.Sprintf(" T%d", a)
		}
	}
	return s
}

// memoryBytes are the bytes behind an opcode for memory at a base, an index or none, and a
// displacement of 32 bits; and what the prefix has of the index and the base, inverted.
func memoryBytes(reg byte, m Mem) (b []byte, x, base byte) {
	at, index, x := registerNumbers[m.Base.Num], byte(4), byte(1) // index 4 is none
	if m.Index != nil {
		n := registerNumbers[m.Index.Num]
		index, x = n&7, 1^n>>3
	}
	d := uint32(m.Disp)
	b = []byte{0x80 | reg<<3 | 4, index<<3 | at&7, byte(d), byte(d >> 8), byte(d >> 16), byte(d >> 24)}
	return b, x, 1 ^ at>>3
}
