package tensor_test

import "github.com/inkstone-ai/inkstone/tensor"

func imageONNX() map[string]onnxFunc {
	return map[string]onnxFunc{
		"Conv":          conv2DONNX,
		"ConvTranspose": convTransposeONNX,
		"MaxPool": func(n *node) []*T {
			if len(n.Outputs) > 1 {
				n.no("indices of the largest")
			}
			k := n.window("kernel_shape")
			return []*T{n.last(n.pixels(0).MaxPool(k.taps[0], k.taps[1], k.Window))}
		},
		"AveragePool": func(n *node) []*T {
			k := n.window("kernel_shape")
			sum := func(x *T) *T { return x.Unfold(k.taps[0], k.taps[1], k.Window).Sum(3) }
			x := n.pixels(0)
			if n.int("count_include_pad", 0) == 1 && !k.more {
				return []*T{n.last(x.AvgPool(k.taps[0], k.taps[1], k.Window))}
			}
			ones := n.s.Full(1, 1, x.Dim(1), x.Dim(2), 1)
			if n.int("count_include_pad", 0) == 1 { // what ceil_mode adds is no padding
				n.no("padding that counts beside some that does not")
			}
			return []*T{n.last(sum(x).Div(sum(ones)))}
		},
	}
}

// A windowONNX is a window with its taps; more says that ceil_mode widened it.
type windowONNX struct {
	tensor.Window
	taps [2]int
	more bool
}

// pixels is operand i, images or sequences with channels in front, as images with
// channels behind; a sequence is an image of one row.
func (n *node) pixels(i int) *T {
	x := n.x(i)
	switch x.Dims() {
	case 3:
		return x.Permute(0, 2, 1).Reshape(x.Dim(0), 1, x.Dim(2), x.Dim(1))
	case 4:
		return x.Permute(0, 2, 3, 1)
	}
	n.no("windows over volumes")
	return nil
}

// last is y, images, in the form of the operand of pixels.
func (n *node) last(y *T) *T {
	if n.x(0).Dims() == 3 {
		return y.Reshape(y.Dim(0), y.Dim(2), y.Dim(3)).Permute(0, 2, 1)
	}
	return y.Permute(0, 3, 1, 2)
}

// window reads a window's attributes. Its taps are the attribute's, or else those of
// operand 1.
func (n *node) window(attr string) (w windowONNX) {
	shape := n.shape(0)[2:]
	var taps, strides, dilations, pads []int
	if !n.attr(attr, &taps) {
		taps = n.shape(1)[2:]
	}
	n.attr("strides", &strides)
	n.attr("dilations", &dilations)
	n.attr("pads", &pads)
	if len(taps) > 2 {
		n.no("windows over volumes")
	}
	at := 2 - len(taps) // of a sequence the second direction alone
	w.taps, w.Stride, w.Dilation = [2]int{1, 1}, [2]int{1, 1}, [2]int{1, 1}
	for i := range taps {
		w.taps[at+i] = taps[i]
		if strides != nil {
			w.Stride[at+i] = strides[i]
		}
		if dilations != nil {
			w.Dilation[at+i] = dilations[i]
		}
		if pads != nil {
			w.Padding[at+i], w.Padding[2+at+i] = pads[i], pads[len(taps)+i]
		}
		n.fit(&w, at+i, shape[i])
	}
	return w
}

// fit pads direction i, of so many pixels, as auto_pad and ceil_mode want.
func (n *node) fit(w *windowONNX, i, pixels int) {
	reach := w.Dilation[i]*(w.taps[i]-1) + 1
	switch auto := n.str("auto_pad", "NOTSET"); auto {
	case "SAME_UPPER", "SAME_LOWER":
		all := max(0, ((pixels+w.Stride[i]-1)/w.Stride[i]-1)*w.Stride[i]+reach-pixels)
		w.Padding[i], w.Padding[2+i] = all/2, all-all/2
		if auto == "SAME_LOWER" {
			w.Padding[i], w.Padding[2+i] = w.Padding[2+i], w.Padding[i]
		}
	}
	if n.int("ceil_mode", 0) == 1 {
		left := pixels + w.Padding[i] + w.Padding[2+i] - reach
		rest := left % w.Stride[i]
		if start := left - rest + w.Stride[i]; rest > 0 && start < pixels+w.Padding[i] { // the last window begins inside
			w.Padding[2+i] += w.Stride[i] - rest
			w.more = true
		}
	}
}

// taps4 is operand 1, (O, I, …), as images.
func (n *node) taps4() *T {
	w := n.x(1)
	if w.Dims() == 3 {
		w = w.Reshape(w.Dim(0), w.Dim(1), 1, w.Dim(2))
	}
	return w.Permute(0, 2, 3, 1)
}

func conv2DONNX(n *node) []*T {
	x, k := n.pixels(0), n.window("kernel_shape")
	w, groups := n.taps4(), n.int("group", 1)
	var parts []*T
	for g := range groups {
		I, O := w.Dim(3), w.Dim(0)/groups
		parts = append(parts, x.Slice(3, g*I, (g+1)*I).Conv2D(w.Slice(0, g*O, (g+1)*O), nil, k.Window))
	}
	y := parts[0].Concat(3, parts[1:]...)
	if n.has(2) {
		y = y.Add(n.x(2))
	}
	return []*T{n.last(y)}
}

func convTransposeONNX(n *node) []*T {
	x, k := n.pixels(0), n.window("kernel_shape")
	w := n.taps4()
	if n.int("group", 1) > 1 {
		n.no("transposed convolution in groups")
	}
	var more, shape []int
	extra := [2]int{}
	at := 2 - len(n.shape(0)[2:])
	if n.attr("output_padding", &more) {
		copy(extra[at:], more)
	}
	auto := n.str("auto_pad", "NOTSET")
	if has := n.attr("output_shape", &shape); has || auto == "SAME_UPPER" || auto == "SAME_LOWER" {
		for i := at; i < 2; i++ {
			want := x.Dim(1+i) * k.Stride[i]
			if has {
				want = shape[i-at]
			}
			cut := k.Stride[i]*(x.Dim(1+i)-1) + extra[i] + k.Dilation[i]*(k.taps[i]-1) + 1 - want
			if cut < 0 {
				extra[i], cut = extra[i]-cut, 0
			}
			k.Padding[i], k.Padding[2+i] = cut/2, cut-cut/2
			if auto != "SAME_UPPER" {
				k.Padding[i], k.Padding[2+i] = k.Padding[2+i], k.Padding[i]
			}
		}
	}
	y := x.ConvTranspose2D(w, nil, k.Window, extra)
	if n.has(2) {
		y = y.Add(n.x(2))
	}
	return []*T{n.last(y)}
}
