package inkstone

import (
	"errors"

	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
)

// inFolder is a model of a folder and the device it is on, of models that have no tokenizer.
type inFolder[M any] struct {
	dir    string
	device *tensor.Device
	opened *model.Opened[M]
}

// openFolder opens a folder whose model is an M.
func openFolder[M any](dir string, o *LoadOptions) (f inFolder[M], err error) {
	if o == nil {
		o = &LoadOptions{}
	}
	if err := tensor.CheckCPU(); err != nil {
		return f, err
	}
	f = inFolder[M]{dir: dir, device: tensor.CPU(o.Threads)}
	if f.opened, err = model.Open[M](dir, f.device); err != nil {
		return f, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close gives the model's memory and threads back.
func (f *inFolder[M]) Close() (err error) {
	if f.opened != nil {
		err = f.opened.Close()
	}
	f.device.Close()
	return err
}

// Parameters returns the number of the model's weights.
func (f *inFolder[M]) Parameters() int { return model.Parameters(f.opened.Model) }
