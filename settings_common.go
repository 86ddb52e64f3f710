package inkstone

import (
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// common are the numbers that settings of all families have, to be checked.
type common struct {
	counts       []count
	lr, clip     float64
	beta1, beta2 float64
	heldOut      float64
	precision    string
	schedule     train.Schedule
}

// A count is a whole number of a config file.
type count struct {
	key   string
	value int
}

// check refuses what no derivation can mend.
func (c common) check(errorf func(format string, args ...any) error) error {
	for _, n := range c.counts {
		if n.value < 0 || n.value > 1<<30 {
			return errorf("%s is %d, want 0 or more, at most %d", n.key, n.value, 1<<30)
		}
	}
	switch {
	case !(c.lr >= 0 && c.clip >= 0):
		return errorf("lr %g and clip %g must not be negative", c.lr, c.clip)
	case !(c.beta1 >= 0 && c.beta1 < 1 && c.beta2 >= 0 && c.beta2 < 1):
		return errorf("beta1 %g and beta2 %g must be in [0, 1)", c.beta1, c.beta2)
	case !(c.heldOut >= 0 && c.heldOut < 1):
		return errorf("held_out %g is no share of the data", c.heldOut)
	}
	if _, err := tensor.ParsePrecision(c.precision); err != nil {
		return errorf("%w", err)
	}
	if err := c.schedule.Check(); err != nil {
		return errorf("%w", err)
	}
	return nil
}

// precisionOf is that of products, as check has found it to exist.
func precisionOf(name string) tensor.DType {
	p, _ := tensor.ParsePrecision(name)
	return p
}
