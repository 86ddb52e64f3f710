package inkstone

import (
	"errors"
	"fmt"
	"path/filepath"

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

// settingsOf reads the settings of the training that wrote a folder; unknown says what is not known
// without them.
func settingsOf[S any](dir, unknown string, read func(path string) (S, error)) (s S, err error) {
	path := filepath.Join(dir, SettingsFile)
	if !exists(path) {
		return s, fmt.Errorf("model: %s has no %s: %s is not known", dir, SettingsFile, unknown)
	}
	return read(path)
}
