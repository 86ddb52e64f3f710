package style

import "github.com/inkstone-ai/inkstone/tensor"

// Gradient is that of α·content + β·style by a picture, and the losses.
func Gradient(d *tensor.Device, net Network, picture, content, style Picture, o Options) ([]float32, Losses, error) {
	t, err := newTransfer(d, net, content, style, o)
	if err != nil {
		return nil, Losses{}, err
	}
	defer t.close()
	t.x.WriteFloats(picture.Pixels)
	l, total := t.losses(true)
	t.step.Backward(total)
	return t.x.Grad().Floats(), l, nil
}
