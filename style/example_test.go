package style_test

import (
	"context"
	"fmt"

	"github.com/inkstone-ai/inkstone/model/vision"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/style"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A picture of vertical stripes takes on the style of one of horizontal stripes. The
// network's weights are drawn here; one that was trained sees more.
func ExampleTransfer() {
	d := tensor.CPU(1)
	defer d.Close()
	net, err := vision.NewCNN(vision.CNNConfig{Size: [2]int{16, 16}, Channels: 1, Widths: []int{8, 8}, Labels: vision.NewLabels([]string{"a", "b"})})
	if err != nil {
		panic(err)
	}
	nn.Init(net, d, 1)
	content, look := stripes(16, 8, false), stripes(16, 4, true)
	start, err := style.Measure(d, net, content, content, look, style.Options{})
	if err != nil {
		panic(err)
	}
	made, end, err := style.Transfer(context.Background(), d, net, content, look, style.Options{Steps: 50})
	if err != nil {
		panic(err)
	}
	fmt.Println(made.H, "×", made.W, "pixels, nearer to the style:", end.Style < start.Style/2)
	// Output: 16 × 16 pixels, nearer to the style: true
}
