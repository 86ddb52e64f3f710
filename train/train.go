// Package train runs the loop that every model of this module shares: batches,
// losses, gradients, clipping, an optimizer, evaluations, checkpoints, metrics. It
// knows neither a model nor a corpus. A [Stepper] has parameters, an optimizer for
// each group of them and a closure that returns a loss; [Run] drives one of them (a
// GPT, a tuning) or several in turn (a generator and its critic).
//
// What it promises:
//
//   - the same seed gives the same weights, bit for bit, with any number of threads
//     and after any number of kills and resumes, because a batch, a dropout mask and a
//     learning rate are functions of the seed and the step alone. A run whose end is a
//     time ([Config.Budget]) is exempt: its plan depends on the clock;
//   - a checkpoint is complete or absent, and one that was written is never lost to a
//     later failure;
//   - a loss or a gradient that is not finite stops the run before it reaches the
//     weights, with the step and the tensor named;
//   - a resume with another configuration, tokenizer or data is refused, and the
//     differences are named.
//
// It also plans: [Plan] says what a run needs in memory, operations and time, and
// [Depth] derives a whole recipe from one number.
//
// Letters in comments:
//
//	B rows of a batch   T tokens of a row   C channels   F feed-forward channels
//	L layers   V vocabulary   H heads   t the step, from 1
//
// See the package's example for a whole run.
package train

import (
	"context"
	"fmt"
	"time"

	"github.com/inkstone-ai/inkstone/tensor"
)

// Config is everything of a run that is not of a [Stepper]. The zero value of each
// field but Device works; a run needs an end, Steps or Budget.
type Config struct {
	// Device computes the steps; the parameters must live on it.
	Device *tensor.Device
	// Steps ends the run after that many updates; 0 means that only Budget does.
	Steps int
	// Budget ends the run when that much time was spent, evaluations and
	// checkpoints included, over all resumes; 0 means that only Steps does. With both,
	// the earlier one ends the run and the schedule follows the one further on.
	Budget time.Duration
	// Seed keys dropout. Weights and batches are seeded by the caller; give them
	// the same number and record it in Identity.
	Seed uint64

	// Precision is that of products in training, F32 or BF16; see [tensor.StepOptions].
	// Weights, gradients, optimizer state and evaluations are F32 all the same.
	Precision tensor.DType

	// Dir gets checkpoints and the metrics log; "" keeps nothing on disk. Only one
	// run at a time may use it.
	Dir string
	// Resume continues from the newest checkpoint in Dir, or starts where there is
	// none. Without it a Dir that has checkpoints is refused.
	Resume bool
	// Identity says what the run is made of beside Config and the steppers;
	// a resume compares it.
	Identity Identity
	// CheckpointEvery counts steps between checkpoints; 0 writes one at the end, at
	// an interruption and at each best evaluation only.
	CheckpointEvery int
	// Keep is how many of the newest checkpoints stay beside the best one; 0 means 2.
	Keep int

	// Evaluate returns the held-out loss, lower is better; nil never evaluates.
	Evaluate func(ctx context.Context) (float64, error)
	// EvaluateEvery counts steps between evaluations; 0 evaluates at the end only.
	EvaluateEvery int
	// Patience ends the run after that many evaluations in a row that were not the
	// best so far; 0 never does.
	Patience int

	// Progress, where present, gets the metrics of every step as they are logged.
	Progress func(Metrics)
	// Notice, where present, gets what a user should be told beside an error:
	// that nothing was there to resume, or that the instruction set is another.
	Notice func(string)

	// For tests. written is called with false before a checkpoint is written and
	// with true after, so that the process can be killed in between; clock replaces time.Now.
	written func(path string, done bool)
	clock   func() time.Time
}

// Result is how a run ended.
type Result struct {
	Steps      int           // updates behind the weights as they are now
	Loss       float64       // of the last step of the first stepper
	Best       float64       // lowest held-out loss, NaN without an evaluation
	BestStep   int           // the step after which Best was measured
	Stopped    string        // "steps", "budget", "patience" or "interrupted"
	Elapsed    time.Duration // over all resumes
	Checkpoint string        // path of the newest checkpoint, "" without a Dir
	BestPath   string        // path of the best checkpoint, "" without a Dir or evaluation
}

func (c *Config) check(steppers []*Stepper) error {
	switch {
	case c.Device == nil:
		return fmt.Errorf("train: Config.Device is nil")
	case c.Steps <= 0 && c.Budget <= 0:
		return fmt.Errorf("train: a run needs an end: Steps %d and Budget %v are both not positive", c.Steps, c.Budget)
	case c.Resume && c.Dir == "":
		return fmt.Errorf("train: Resume needs a Dir")
	case c.Patience > 0 && c.Evaluate == nil:
		return fmt.Errorf("train: Patience %d needs Evaluate", c.Patience)
	case c.CheckpointEvery < 0 || c.EvaluateEvery < 0 || c.Keep < 0 || c.Patience < 0:
		return fmt.Errorf("train: CheckpointEvery %d, EvaluateEvery %d, Keep %d and Patience %d must not be negative",
			c.CheckpointEvery, c.EvaluateEvery, c.Keep, c.Patience)
	case c.Precision != tensor.F32 && c.Precision != tensor.BF16:
		return fmt.Errorf("train: Precision is %v, want f32 or bf16", c.Precision)
	case len(steppers) == 0:
		return fmt.Errorf("train: Run needs a Stepper")
	}
	return checkSteppers(c.Device, steppers)
}
