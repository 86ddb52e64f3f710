//go:build !purego

package cpu

//go:generate go -C ../_asm run . -out ../cpu

func (p *products) avx2() {
	*p = products{
		width: 16, height: 6,
		strip: stripAVX2, half: halfAVX2, row: rowAVX2,
		panels: panelsAVX2, transpose8: transpose8AVX2,
		widenBF16: widenBF16AVX2, widenF16: widenF16AVX2,
		touch: touchAVX2, weigh: weighAVX2, slopes: slopesAVX2, scaleRows: scaleRowsAVX2,
	}
}

func (p *products) avx512() {
	p.width, p.height = 32, 12
	p.strip, p.half, p.row, p.panels = stripAVX512, halfAVX512, rowAVX512, panelsAVX512
	p.weigh, p.slopes, p.scaleRows = weighAVX512, slopesAVX512, scaleRowsAVX512
}
