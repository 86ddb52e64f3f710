package machine

import (
	"encoding/binary"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
)

// A tile is 16 rows of 64 bytes, of which it has as many as the configuration says.
type tile struct {
	rows, bytes int
	data        [16][64]byte
}

func (t *tile) word(r, c int) uint32 { return binary.LittleEndian.Uint32(t.data[r][4*c:]) }

func init() {
	for op, f := range map[string]func(m *Machine, a []any){
		"LDTILECFG": func(m *Machine, a []any) {
			c := m.bytes(m.address(a[0].(emit.Mem)), 64)
			if c[0] != 1 {
				panic("palette")
			}
			for i := range m.tiles {
				m.tiles[i] = tile{rows: int(c[48+i]), bytes: int(binary.LittleEndian.Uint16(c[16+2*i:]))}
			}
		},
		"TILERELEASE": func(m *Machine, _ []any) { m.tiles = [8]tile{} },
		"TILEZERO":    func(m *Machine, a []any) { m.tile(a[0]).data = [16][64]byte{} },
		"TILELOADD": func(m *Machine, a []any) {
			t := m.tile(a[1])
			t.data = [16][64]byte{}
			m.tileRows(a[0].(emit.Mem), t, func(r int, b []byte) { copy(t.data[r][:], b) })
		},
		"TILESTORED": func(m *Machine, a []any) {
			t := m.tile(a[0])
			m.tileRows(a[1].(emit.Mem), t, func(r int, b []byte) { copy(b, t.data[r][:]) })
		},
		"TDPBSSD": tileProduct(func(sum, a, b uint32) uint32 {
			for j := 0; j < 32; j += 8 {
				sum += uint32(int32(int8(a>>j)) * int32(int8(b>>j)))
			}
			return sum
		}),
		"TDPBSUD": tileProduct(func(sum, a, b uint32) uint32 {
			for j := 0; j < 32; j += 8 {
				sum += uint32(int32(int8(a>>j)) * int32(uint8(b>>j)))
			}
			return sum
		}),
		"TDPBF16PS": func(m *Machine, x []any) {
			b, a, d := m.tile(x[0]), m.tile(x[1]), m.tile(x[2])
			tileFit(b, a, d)
			for r := range d.rows {
				for c := range d.bytes / 4 {
					var half [2]float32 // the sum of each half of the words
					for k := range b.rows {
						for h := range half {
							half[h] = fma(halfOf(a.word(r, k), h), halfOf(b.word(k, c), h), half[h])
						}
					}
					binary.LittleEndian.PutUint32(d.data[r][4*c:], bits(float(d.word(r, c))+(half[0]+half[1])))
				}
			}
		},
		"VPSUBB": words(func(b, a uint32) uint32 { return perByte(a, b, func(a, b int8) int8 { return a - b }) }),
	} {
		vectors[op] = f
	}
}

// tile is the register, which must be configured.
func (m *Machine) tile(a any) *tile {
	t := &m.tiles[a.(emit.Tile)]
	if t.rows == 0 || t.bytes == 0 {
		panic("a tile that is not configured")
	}
	return t
}

// tileRows visits the rows of a tile in memory: the index is the bytes between them.
func (m *Machine) tileRows(a emit.Mem, t *tile, visit func(r int, b []byte)) {
	stride := m.gp[a.Index.Num] * uint64(a.Scale)
	base := a
	base.Index = nil
	for r := range t.rows {
		visit(r, m.bytes(m.address(base)+uint64(r)*stride, t.bytes))
	}
}

func tileFit(b, a, d *tile) {
	if a.rows != d.rows || b.bytes != d.bytes || a.bytes != 4*b.rows {
		panic("tiles do not fit")
	}
}

// halfOf is the lower or the upper BF16 of a word.
func halfOf(w uint32, h int) float32 { return float(w >> (16 * h) << 16) }

// tileProduct adds to each word of the third tile the products of a row of the second and a column of
// the first, word by word.
func tileProduct(add func(sum, a, b uint32) uint32) func(*Machine, []any) {
	return func(m *Machine, x []any) {
		b, a, d := m.tile(x[0]), m.tile(x[1]), m.tile(x[2])
		tileFit(b, a, d)
		for r := range d.rows {
			for c := range d.bytes / 4 {
				sum := d.word(r, c)
				for k := range b.rows {
					sum = add(sum, a.word(r, k), b.word(k, c))
				}
				binary.LittleEndian.PutUint32(d.data[r][4*c:], sum)
			}
		}
	}
}
