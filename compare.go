package inkstone

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
)

// compareWindow is the window for the loss by distance, or the smallest of the
// models' own.
const compareWindow = 256

// Compare measures several models' folders on one text: parameters, loss, bits per
// byte, speed of reading, memory, and the loss by how much of the text is seen. Bits
// per byte compare models of different tokenizers; losses per token do not.
func Compare(ctx context.Context, dirs []string, o EvaluateOptions, l *LoadOptions) (all []eval.Candidate, err error) {
	if o.Context != 0 || o.Stride != 0 {
		return nil, errors.New("eval: a comparison has windows of its own: no context and no stride")
	}
	docs, _, err := corpus.Read(o.Stdin, o.Data...)
	if err != nil {
		return nil, err
	}
	models, window := make([]*Model, len(dirs)), compareWindow
	defer func() {
		for _, m := range models {
			if m != nil {
				err = errors.Join(err, m.Close())
			}
		}
	}()
	for i, dir := range dirs {
		if models[i], err = Load(dir, l); err != nil {
			return nil, err
		}
		if T := models[i].Context(); T > 0 {
			window = min(window, T)
		}
	}
	for i, m := range models {
		m.pack()
		c, err := eval.Compare(ctx, filepath.Base(filepath.Clean(dirs[i])), m.loaded.LM, m.tok, m.encode(docs), window)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dirs[i], err)
		}
		c.Type = m.loaded.Type
		all = append(all, c)
	}
	return all, nil
}
