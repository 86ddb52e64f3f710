package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/tensor"
)

// run is the state of one call of Run.
type run struct {
	config   Config
	steppers []*Stepper
	step     *tensor.Step
	slots    map[*Stepper][][][]*tensor.Tensor // optimizer state: group, parameter, slot
	log      *metricsLog
	state    state
	saved    int       // step of the newest checkpoint on disk, -1 before the first
	began    time.Time // when this process would have begun, had it trained all of it
	took     float64   // fraction of the run that the last step was, for Budget
}

// Run trains until the end that c names, an interruption, or an error. The
// steppers take turns within each step, in their order.
//
// When ctx ends, Run finishes the step it is in, writes a checkpoint and returns an
// error that wraps ctx's. On any other error the newest checkpoint in c.Dir is
// as it was, and Result says where. Errors: a configuration that cannot be run, a
// [NonFiniteError], a loss's or an evaluation's error, a refused resume, a file
// that cannot be written, and [format.ErrLocked] while another run uses c.Dir.
func Run(ctx context.Context, c Config, steppers ...*Stepper) (_ Result, err error) {
	if err := c.check(steppers); err != nil {
		return Result{}, err
	}
	r := &run{config: c, steppers: steppers, saved: -1}
	defer r.free()
	if c.Dir != "" {
		unlock, lockErr := format.LockDir(c.Dir)
		if lockErr != nil {
			return Result{}, fmt.Errorf("train: %w", lockErr)
		}
		defer func() { err = errors.Join(err, unlock()) }()
	}
	if err := r.begin(); err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, r.log.close()) }()
	stopped, err := r.loop(ctx)
	return r.result(stopped), err
}

// begin allocates optimizer state and either resumes or starts at step 0.
func (r *run) begin() error {
	identity, err := identify(r.config, r.steppers)
	if err != nil {
		return err
	}
	r.state = state{Version: stateVersion, Seed: r.config.Seed, Evaluated: -1, Device: r.config.Device.Name(), Identity: identity}
	r.allocate()
	if err := r.resume(); err != nil {
		return err
	}
	if p := r.config.Precision; r.config.Device.Precision(p) != p {
		r.notice("%v was asked for, and %q has no instruction for it: products run in %v", p, r.config.Device.Name(), r.config.Device.Precision(p))
	}
	r.began = r.now().Add(-time.Duration(r.state.Seconds * float64(time.Second)))
	r.step = tensor.NewStep(r.config.Device, tensor.StepOptions{Grad: true, Seed: r.config.Seed, Precision: r.config.Precision})
	r.log, err = openMetrics(r.config.Dir, r.state.Step, r.state.Evaluated)
	return err
}

// resume restores the newest checkpoint where the configuration asks for it.
func (r *run) resume() error {
	if r.config.Dir == "" {
		return nil
	}
	paths, err := Checkpoints(r.config.Dir)
	switch {
	case err != nil:
		return err
	case len(paths) == 0 && r.config.Resume:
		r.notice("nothing to resume in %s: starting at step 0", r.config.Dir)
		return nil
	case len(paths) == 0:
		return nil
	case !r.config.Resume:
		return fmt.Errorf("train: %s holds the checkpoints of an earlier run: resume it, or choose another folder", r.config.Dir)
	}
	return r.restore(paths[len(paths)-1])
}

func (r *run) restore(path string) (err error) {
	file, then, err := openCheckpoint(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if diff := r.state.Identity.differ(then.Identity); diff != "" {
		return fmt.Errorf("train: resume %s: this is another run: %s", path, diff)
	}
	if path != r.path(then.Step) {
		return fmt.Errorf("train: resume %s: it is the checkpoint of step %d under another name", path, then.Step)
	}
	if err := fill(file, r.entries(), true); err != nil {
		return fmt.Errorf("train: resume %s: %w", path, err)
	}
	if then.Device != r.state.Device {
		r.notice("resuming on %q what ran on %q: the weights will differ in their last bits from a run on one of them", r.state.Device, then.Device)
		then.Device = r.state.Device
	}
	r.state, r.saved = then, then.Step
	return nil
}

// loop trains until there is a reason to stop. Whatever is due at a step happens
// before the end is tested and the next step begins, and state remembers that it
// did: a resume from any checkpoint goes through the same motions.
func (r *run) loop(ctx context.Context) (stopped string, err error) {
	for {
		stopped := r.end()
		if err := r.evaluate(ctx, stopped != ""); err != nil && ctx.Err() == nil {
			return "", err
		}
		if stopped == "" && r.config.Patience > 0 && r.state.Stale >= r.config.Patience {
			stopped = "patience"
		}
		if ctx.Err() != nil {
			return "interrupted", r.interrupt(ctx)
		}
		if stopped != "" || r.due(r.config.CheckpointEvery) || r.improved() {
			if err := r.save(); err != nil {
				return "", err
			}
		}
		if stopped != "" {
			return stopped, nil
		}
		if err := r.advance(); err != nil {
			return "", err
		}
	}
}

// end says whether the run has reached its planned end, and which.
func (r *run) end() string {
	if r.config.Steps > 0 && r.state.Step >= r.config.Steps {
		return "steps"
	}
	if r.config.Budget > 0 && r.elapsed() >= r.config.Budget {
		return "budget"
	}
	return ""
}

func (r *run) interrupt(ctx context.Context) error {
	if err := r.save(); err != nil {
		return errors.Join(fmt.Errorf("train: interrupted at step %d: %w", r.state.Step, ctx.Err()), err)
	}
	return fmt.Errorf("train: interrupted after step %d: %w", r.state.Step, ctx.Err())
}

// due reports whether the current step is a multiple of every.
func (r *run) due(every int) bool {
	return every > 0 && r.state.Step > 0 && r.state.Step%every == 0
}

// improved reports whether this step's evaluation is the best.
func (r *run) improved() bool {
	return r.state.Best != nil && r.state.BestStep == r.state.Step
}

// evaluate runs the held-out evaluation where this step asks for one and it was
// not done before the checkpoint that this run resumed from.
func (r *run) evaluate(ctx context.Context, last bool) error {
	if r.config.Evaluate == nil || r.state.Evaluated == r.state.Step || !last && !r.due(r.config.EvaluateEvery) {
		return nil
	}
	loss, err := r.config.Evaluate(ctx)
	if err != nil {
		return fmt.Errorf("train: evaluation after step %d: %w", r.state.Step, err)
	}
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return &NonFiniteError{Step: r.state.Step, What: "held-out loss", Value: loss}
	}
	r.state.Evaluated = r.state.Step
	r.state.Stale++
	if r.state.Best == nil || loss < *r.state.Best {
		r.state.Best, r.state.BestStep, r.state.Stale = &loss, r.state.Step, 0
	}
	return r.record(Metrics{Step: r.state.Step, Evaluation: &loss})
}

// done is the fraction of the run that lies behind.
func (r *run) done() float64 {
	var done float64
	if r.config.Steps > 0 {
		done = float64(r.state.Step) / float64(r.config.Steps)
	}
	if r.config.Budget > 0 {
		done = max(done, float64(r.elapsed())/float64(r.config.Budget))
	}
	return done
}

// middle is the fraction done in the middle of the next step, where its learning
// rate is taken: a rate of exactly 0 would waste the first one.
func (r *run) middle() float64 {
	if r.config.Budget > 0 {
		return r.done() + r.took/2
	}
	return (float64(r.state.Step) + 0.5) / float64(r.config.Steps)
}

// advance makes one step of every stepper.
func (r *run) advance() error {
	before, start, done := r.done(), r.now(), r.middle()
	for i, s := range r.steppers {
		m, err := r.update(i, s, done)
		if err != nil {
			return err
		}
		if i == 0 {
			r.state.Loss = m.Loss
		}
		m.TokensPerSecond = float64(s.Tokens) / r.now().Sub(start).Seconds()
		if i == len(r.steppers)-1 {
			r.state.Step++
		}
		if err := r.record(m); err != nil {
			return err
		}
	}
	r.state.Seconds = r.elapsed().Seconds()
	r.took = r.done() - before
	return nil
}

// record writes a line of the log and tells whoever watches.
func (r *run) record(m Metrics) error {
	m.Seconds = r.elapsed().Seconds()
	if r.config.Progress != nil {
		r.config.Progress(m)
	}
	return r.log.write(m)
}

// now is the clock, and elapsed the time since the run began.
func (r *run) now() time.Time {
	if r.config.clock != nil {
		return r.config.clock()
	}
	return time.Now()
}

func (r *run) elapsed() time.Duration { return r.now().Sub(r.began) }

func (r *run) notice(format string, args ...any) {
	if r.config.Notice != nil {
		r.config.Notice(fmt.Sprintf(format, args...))
	}
}

func (r *run) result(stopped string) Result {
	res := Result{
		Steps: r.state.Step, Loss: r.state.Loss, Best: math.NaN(), Stopped: stopped,
		Elapsed: r.elapsed(),
	}
	if r.saved >= 0 {
		res.Checkpoint = r.path(r.saved)
	}
	if r.state.Best != nil {
		res.Best, res.BestStep = *r.state.Best, r.state.BestStep
		if path := r.path(res.BestStep); r.config.Dir != "" && exists(path) {
			res.BestPath = path
		}
	}
	return res
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
