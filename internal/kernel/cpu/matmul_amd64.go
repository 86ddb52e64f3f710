//go:build !purego

package cpu

//go:generate go -C ../_asm run . -out ../cpu

func (p *products) avx2() {
	*p = products{
		width: 16,
		f32: arithmetic{
			per: 1, height: 6, span: 384, strip: stripAVX2, half: halfAVX2,
			columns: copyColumns, panels: panelsAVX2, lines: copyColumns, lineStep: 1,
			transpose: transpose8AVX2, group: 8, square: 1,
		},
		row: rowAVX2, transpose8: transpose8AVX2,
		widenBF16: widenBF16AVX2, widenF16: widenF16AVX2,
		touch: touchAVX2, weigh: weighAVX2, slopes: slopesAVX2, scaleRows: scaleRowsAVX2,
	}
}

func (p *products) avx512() {
	p.width, p.f32.height, p.f32.span = 32, 12, 768
	p.f32.strip, p.f32.half, p.f32.panels = stripAVX512, halfAVX512, panelsAVX512
	p.f32.transpose, p.f32.group, p.f32.square = transpose16AVX512, 16, 16
	p.turnF16, p.addF16 = turnF16AVX512, addF16AVX512
	p.row, p.weigh, p.slopes, p.scaleRows = rowAVX512, weighAVX512, slopesAVX512, scaleRowsAVX512
}

func (p *products) avx512bf16() {
	p.bf16 = arithmetic{
		per: 2, height: 12, span: 768, strip: stripBF16, half: halfBF16,
		columns: pairRowsBF16, panels: pairPanelsBF16, lines: pairLinesBF16, lineStep: 32,
		transpose: transposePairs16BF16, group: 16, square: 32,
	}
}

func (p *products) amx() {
	p.tiled = p.bf16
	p.tiled.whole, p.tiled.height, p.tiled.span = 16, 32, 256
	p.tiled.strip, p.tiled.half = stripAMX, stripAMX
	p.tiled.turn, p.tiled.turned = turnPairs16BF16, 32
}
