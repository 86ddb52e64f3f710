//go:build !purego

package cpu

func (d *dots) avx2() {
	*d = dots{rows: 4, signed: true, round: roundBlocksAVX2, roundWide: roundWideAVX2, words8: words8AVX2, of: [forms][4]dot{
		formQ8:  {dotQ8x1AVX2, dotQ8x2AVX2, dotQ8x4AVX2},
		formQ4:  {dotQ4x1AVX2, dotQ4x2AVX2, dotQ4x4AVX2},
		formA8:  {dotA8x1AVX2, dotA8x2AVX2, dotA8x4AVX2},
		formQ4K: {dotQ4Kx1AVX2, dotQ4Kx2AVX2, dotQ4Kx4AVX2},
		formQ5K: {dotQ5Kx1AVX2, dotQ5Kx2AVX2, dotQ5Kx4AVX2},
		formQ6K: {dotQ6Kx1AVX2, dotQ6Kx2AVX2, dotQ6Kx4AVX2},
		formI4:  {dotI4x1AVX2, dotI4x2AVX2, dotI4x4AVX2},
		formI4K: {dotI4Kx1AVX2, dotI4Kx2AVX2, dotI4Kx4AVX2},
	}}
}

func (d *dots) avxvnni() {
	*d = dots{rows: 4, round: d.round, roundWide: d.roundWide, words8: d.words8, of: [forms][4]dot{
		formQ8:  {dotQ8x1AVXVNNI, dotQ8x2AVXVNNI, dotQ8x4AVXVNNI},
		formQ4:  {dotQ4x1AVXVNNI, dotQ4x2AVXVNNI, dotQ4x4AVXVNNI},
		formA8:  {dotA8x1AVXVNNI, dotA8x2AVXVNNI, dotA8x4AVXVNNI},
		formQ4K: {dotQ4Kx1AVXVNNI, dotQ4Kx2AVXVNNI, dotQ4Kx4AVXVNNI},
		formQ5K: {dotQ5Kx1AVXVNNI, dotQ5Kx2AVXVNNI, dotQ5Kx4AVXVNNI},
		formQ6K: {dotQ6Kx1AVXVNNI, dotQ6Kx2AVXVNNI, dotQ6Kx4AVXVNNI},
		formI4:  {dotI4x1AVXVNNI, dotI4x2AVXVNNI, dotI4x4AVXVNNI},
		formI4K: {dotI4Kx1AVXVNNI, dotI4Kx2AVXVNNI, dotI4Kx4AVXVNNI},
	}}
}

func (d *dots) avx512vnni() {
	*d = dots{rows: 8, round: d.round, roundWide: d.roundWide, words8: d.words8, of: [forms][4]dot{
		formQ8:  {dotQ8x1VNNI, dotQ8x2VNNI, dotQ8x4VNNI, dotQ8x8VNNI},
		formQ4:  {dotQ4x1VNNI, dotQ4x2VNNI, dotQ4x4VNNI, dotQ4x8VNNI},
		formA8:  {dotA8x1VNNI, dotA8x2VNNI, dotA8x4VNNI, dotA8x8VNNI},
		formQ4K: {dotQ4Kx1VNNI, dotQ4Kx2VNNI, dotQ4Kx4VNNI, dotQ4Kx8VNNI},
		formQ5K: {dotQ5Kx1VNNI, dotQ5Kx2VNNI, dotQ5Kx4VNNI, dotQ5Kx8VNNI},
		formQ6K: {dotQ6Kx1VNNI, dotQ6Kx2VNNI, dotQ6Kx4VNNI, dotQ6Kx8VNNI},
		formI4:  {dotI4x1VNNI, dotI4x2VNNI, dotI4x4VNNI, dotI4x8VNNI},
		formI4K: {dotI4Kx1VNNI, dotI4Kx2VNNI, dotI4Kx4VNNI, dotI4Kx8VNNI},
	}, quad: [forms]quad{
		formQ8: quadQ8VNNI, formQ4: quadQ4VNNI, formA8: quadA8VNNI, formQ4K: quadQ4KVNNI, formQ5K: quadQ5KVNNI, formQ6K: quadQ6KVNNI,
		formI4: quadI4VNNI, formI4K: quadI4KVNNI,
	}}
}

// amx adds tiles to avx512vnni.
func (d *dots) amx() {
	const plain, minima, wide, wideMinima = 64 + 512, 4*64 + 512, (64 + 4*2048) / 8, (6*64 + 4*2048) / 8
	d.tiles = [forms]tiling{
		formQ8:  {stageQ8AMX, plain, tileAMX},
		formQ4:  {stageQ4AMX, plain, tileAMX},
		formA8:  {stageA8AMX, minima, tileHalvesMinAMX},
		formQ4K: {stageQ4KAMX, wideMinima, tileWideMinAMX},
		formQ5K: {stageQ5KAMX, wideMinima, tileWideMinAMX},
		formQ6K: {stageQ6KAMX, wide, tileWideAMX},
		formI4:  {stageI4AMX, plain, tileAMX},
		formI4K: {stageI4KAMX, plain, tileAMX},
	}
}
