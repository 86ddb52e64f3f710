package cpu

import "github.com/inkstone-ai/inkstone/internal/kernel"

// tasks has a struct for each parallel operation. A device runs one at a time
// and refills it at each call, so a call allocates nothing.
type tasks struct {
	copy         copyTask
	fill         fillTask
	gather       gatherTask
	scatter      scatterTask
	permute      permuteTask
	transpose    transposeTask
	unary        unaryTask
	slope        slopeTask
	binary       binaryTask
	choose       selectTask
	reduce       reduceTask
	combine      combineTask
	softmax      softmaxTask
	softmaxGrad  softmaxGradTask
	crossEntropy crossEntropyTask
	ctc          ctcTask
	norm         normTask
	normGrad     normGradTask
	rotary       rotaryTask
	gated        gatedTask
	gatedGrad    gatedGradTask
	conv         convTask
	convGrad     convGradTask
	cell         cellTask
	cellGrad     cellGradTask
	unfold       unfoldTask
	refold       foldTask
	maxPool      maxPoolTask
	maxPoolGrad  maxPoolGradTask
	moments      momentsTask
	affine       affineTask
	squares      normMaxTask
	dropout      dropoutTask
	update       updateTask
	pack         packTask
	packPanels   packPanelsTask
	quant        quantProduct
	productTasks
	columns     []reach // of a window
	convolution convolution
	packFilters packFiltersTask
	gates       []float32 // scales and shifts of gate
	gate        gate
	means       []float32 // of a GroupNorm, by channel
	filters     []float32 // of a convolution backwards, turned
	filtersIn   kernel.Buffer
	abc         []float32 // of the gradient of one with squares
	sums        []float32 // room for partial results, grown by need
	angle       rotaryTable
}
