package emit

import "fmt"

// An encoding is what the assembler is given of an instruction whose name it
// does not know: its bytes. The instructions are of opcode map 0F38 and W0, with
// three registers: EVEX, 512 bits wide (Intel's manual, volume 2, section 2.7), or
// VEX, 256 bits wide (section 2.3).
type encoding struct {
	prefix, opcode byte
	vex            bool
}

// encoded are those of AVX512_BF16 and of AVX_VNNI. The prefixes 66, F3 and F2 are 1, 2 and 3.
var encoded = map[string]encoding{
	"VDPBF16PS":      {2, 0x52, false},
	"VCVTNE2PS2BF16": {3, 0x72, false},
	"VPDPBUSD.VEX":   {1, 0x50, true}, // of AVX_VNNI; the assembler knows the EVEX form alone
}

// text is the instruction op b, a, d in Go's order: d is written, a the first
// source and b the second.
func (e encoding) text(i Instr) string {
	var n [3]byte
	for k, x := range i.Args {
		n[k] = byte(x.(*Reg).Root().Num)
	}
	b, a, d := n[0], n[1], n[2]
	if e.vex {
		return e.vexText(i, b, a, d)
	}
	not := func(x byte, bit int) byte { return ^(x >> bit) & 1 }
	p0 := not(d, 3)<<7 | not(b, 4)<<6 | not(b, 3)<<5 | not(d, 4)<<4 | 2
	p1 := ^a&15<<3 | 4 | e.prefix
	p2 := byte(2<<5) | not(a, 4)<<3
	modrm := 0xc0 | d&7<<3 | b&7
	return fmt.Sprintf("\tLONG $0x%02x%02x%02x62; WORD $0x%02x%02x // %s Z%d, Z%d, Z%d", p2, p1, p0, modrm, e.opcode, i.Op, b, a, d)
}

// vexText is the three-byte form of VEX.
func (e encoding) vexText(i Instr, b, a, d byte) string {
	not := func(x byte, bit int) byte { return ^(x >> bit) & 1 }
	p1 := not(d, 3)<<7 | 1<<6 | not(b, 3)<<5 | 2
	p2 := ^a&15<<3 | 1<<2 | e.prefix
	modrm := 0xc0 | d&7<<3 | b&7
	return fmt.Sprintf("\tLONG $0x%02x%02x%02xc4; BYTE $0x%02x // %s Y%d, Y%d, Y%d", e.opcode, p2, p1, modrm, i.Op, b, a, d)
}
