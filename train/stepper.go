package train

import (
	"fmt"
	"math"

	"github.com/inkstone-ai/inkstone/tensor"
)

// A Stepper turns batches into updates of its parameters: one for most models, a
// generator and a critic for a GAN.
type Stepper struct {
	// Name tells steppers apart in checkpoints and metrics; a single one may have none.
	Name string
	// Groups hold the parameters, each in one group.
	Groups []Group
	// State holds f32 tensors that Loss reads and writes and no gradient trains, the
	// states that a recurrent network carries from batch to batch: a checkpoint has them,
	// and Loss may depend on them too.
	State []Param
	// Schedule multiplies every group's learning rate.
	Schedule Schedule
	// Clip is the largest global norm of the gradient; a longer one is scaled
	// down to it (Pascanu et al. 2012, arXiv:1211.5063). 0 never clips.
	Clip float64
	// Micro is the number of batches whose gradients one update sums; 0 means 1.
	Micro int
	// Tokens of one update, all micro batches together, for rates; 0 if unknown.
	Tokens int
	// Loss returns the scalar loss of one micro batch of update index, both from
	// 0, computed on s. It must be a function of its arguments, the parameters and
	// nothing else. The losses of an update's micro batches are summed, and so are
	// their gradients: a mean over the whole update is a sum of weights that add up to
	// 1 (see [Normalize]), which makes accumulation equal one large batch.
	Loss func(s *tensor.Step, index, micro int) (*tensor.Tensor, error)
}

// A Group is parameters that share a rule, a peak learning rate and a decay.
type Group struct {
	Name   string
	Params []Param
	Rule   Rule
	LR     float64 // peak learning rate, before the schedule
	Decay  float64 // weight decay: decoupled or L2, as the rule has it
}

// A Param is a trainable tensor and the name under which checkpoints and errors
// know it.
type Param struct {
	Name   string
	Tensor *tensor.Tensor
}

func (s *Stepper) micro() int { return max(s.Micro, 1) }

// params calls f with each parameter in the order of the groups.
func (s *Stepper) params(f func(p Param)) {
	for _, g := range s.Groups {
		for _, p := range g.Params {
			f(p)
		}
	}
}

// maxMicro keeps a micro batch's number within its bits of a step's key.
const maxMicro = 1 << 16

// key numbers a micro batch of a stepper, distinct over a whole run, so that no
// two of them share a dropout mask.
func key(index, stepper, micro int) uint64 {
	return uint64(index)<<24 | uint64(stepper)<<16 | uint64(micro)
}

func checkSteppers(d *tensor.Device, steppers []*Stepper) error {
	names, params := map[string]bool{}, checker{d, map[*tensor.Tensor]string{}}
	if len(steppers) > 1<<8 {
		return fmt.Errorf("train: %d steppers, at most 256", len(steppers))
	}
	for _, s := range steppers {
		if names[s.Name] {
			return fmt.Errorf("train: two steppers are named %q", s.Name)
		}
		names[s.Name] = true
		if err := s.check(params); err != nil {
			return fmt.Errorf("train: stepper %q: %w", s.Name, err)
		}
	}
	return nil
}

func (s *Stepper) check(params checker) error {
	if s.Loss == nil {
		return fmt.Errorf("there is no Loss")
	}
	if s.micro() > maxMicro {
		return fmt.Errorf("%d micro batches, at most %d", s.Micro, maxMicro)
	}
	if s.Clip < 0 {
		return fmt.Errorf("clip %g is negative", s.Clip)
	}
	if err := s.Schedule.Check(); err != nil {
		return err
	}
	names := map[string]bool{}
	for _, g := range s.Groups {
		if err := g.check(); err != nil {
			return fmt.Errorf("group %q: %w", g.Name, err)
		}
		for _, p := range g.Params {
			if names[p.Name] {
				return fmt.Errorf("two parameters are named %q", p.Name)
			}
			names[p.Name] = true
			if err := params.check(g.Rule, p); err != nil {
				return fmt.Errorf("parameter %q %w", p.Name, err)
			}
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("it has no parameters")
	}
	for _, p := range s.State {
		if names[p.Name] || p.Tensor.Device() != params.device || p.Tensor.DType() != tensor.F32 || p.Tensor.Trainable() {
			return fmt.Errorf("state %q is no f32 tensor of its own name on Config.Device, or is trainable", p.Name)
		}
		names[p.Name] = true
	}
	return nil
}

func (g Group) check() error {
	if g.Rule == nil {
		return fmt.Errorf("it has no rule")
	}
	if !(g.LR >= 0 && g.Decay >= 0) || math.IsInf(g.LR+g.Decay, 0) {
		return fmt.Errorf("learning rate %g and decay %g must be numbers from 0", g.LR, g.Decay)
	}
	return nil
}

// checker knows the parameters of all steppers so far.
type checker struct {
	device *tensor.Device
	seen   map[*tensor.Tensor]string
}

func (c checker) check(rule Rule, p Param) error {
	t := p.Tensor
	other, twice := c.seen[t]
	c.seen[t] = p.Name
	_, muon := rule.(Muon)
	switch {
	case twice:
		return fmt.Errorf("is also parameter %q", other)
	case t.Device() == nil:
		return fmt.Errorf("has no memory: call nn.Init or model.LoadForTraining")
	case t.Device() != c.device:
		return fmt.Errorf("is not on Config.Device")
	case !t.Trainable():
		return fmt.Errorf("is not trainable: call SetTrainable(true)")
	case t.DType() != tensor.F32:
		return fmt.Errorf("is %v: training needs f32", t.DType())
	case muon && t.Dims() != 2:
		return fmt.Errorf("of shape %v is no matrix, which Muon needs", t.Shape())
	}
	return nil
}
