package train_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// chosen are the rows of a table of 20 that step index looks up, and where.
func chosen(index int) (rows, at []int32) {
	seen := map[int32]int32{}
	for i, x := range noise(index, 0, 6) {
		id := int32((x + 1) * 10)
		if i == 5 {
			id = rows[0] // one twice
		}
		if _, ok := seen[id]; !ok {
			seen[id] = int32(len(rows))
			rows = append(rows, id)
		}
		at = append(at, seen[id])
	}
	return rows, at
}

// table trains a table of 20 rows to answer its ids, on its rows alone or whole.
func table(t *testing.T, rule train.Rule, sparse bool, c train.Config) (*tensor.Tensor, error) {
	t.Helper()
	if c.Device == nil {
		c.Device = cpu(t, 2)
	}
	w := tensor.New(c.Device, 20, 3)
	w.FillNormal(1, 1)
	p := train.Param{Name: "table", Tensor: w}
	if sparse {
		p.Rows = &train.Rows{Most: 6}
	} else {
		w.SetTrainable(true)
	}
	c.Steps = 12
	_, err := train.Run(context.Background(), c, &train.Stepper{
		Groups: []train.Group{{Rule: rule, LR: 0.1, Params: []train.Param{p}}},
		Loss: func(s *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			rows, at := chosen(index)
			from, ids := w, make([]int32, len(at))
			for i, a := range at {
				ids[i] = rows[a]
			}
			goal := s.Floats(noise(index, 1, 3*len(at)), len(at), 3)
			if sparse {
				from, ids = p.Rows.Take(s, rows), at
			}
			return from.Rows(s.Ints(ids, len(ids))).Sub(goal).Square().Mean(), nil
		},
	})
	return w, err
}

// TestRowsEqualWhole: rules that leave rows without a gradient alone change the
// table by its rows as they change it whole, to the bit.
func TestRowsEqualWhole(t *testing.T) {
	for _, rule := range []train.Rule{train.SGD{}, train.AdaGrad{}} {
		t.Run(fmt.Sprintf("%T", rule), func(t *testing.T) {
			want, err := table(t, rule, false, train.Config{})
			if err != nil {
				t.Fatal(err)
			}
			for _, threads := range []int{1, 2} {
				got, err := table(t, rule, true, train.Config{Device: cpu(t, threads)})
				if err != nil {
					t.Fatal(err)
				}
				testkit.SameBits(t, "the table", got.Floats(), want.Floats())
			}
		})
	}
}

// TestRowsResume: the optimizer's state of every row is in the checkpoint.
func TestRowsResume(t *testing.T) {
	want, err := table(t, train.AdaGrad{}, true, train.Config{})
	if err != nil {
		t.Fatal(err)
	}
	dir, stop := t.TempDir(), errors.New("enough")
	evaluated := 0
	_, err = table(t, train.AdaGrad{}, true, train.Config{Dir: dir, CheckpointEvery: 4, EvaluateEvery: 6, Evaluate: func(context.Context) (float64, error) {
		evaluated++
		return 0, stop
	}})
	if !errors.Is(err, stop) || evaluated != 1 {
		t.Fatalf("%d evaluations, error %v", evaluated, err)
	}
	got, err := table(t, train.AdaGrad{}, true, train.Config{Dir: dir, Resume: true, CheckpointEvery: 4, EvaluateEvery: 6, Evaluate: func(context.Context) (float64, error) {
		return 0, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	testkit.SameBits(t, "the table", got.Floats(), want.Floats())
}

func TestRowsRefused(t *testing.T) {
	d := cpu(t, 1)
	run := func(rule train.Rule, micro int, rows *train.Rows, ids int) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("panic: %v", r)
			}
		}()
		w := tensor.New(d, 20, 3)
		_, err = train.Run(context.Background(), train.Config{Device: d, Steps: 1}, &train.Stepper{
			Groups: []train.Group{{Rule: rule, LR: 1, Params: []train.Param{{Name: "table", Tensor: w, Rows: rows}}}}, Micro: micro,
			Loss: func(s *tensor.Step, _, _ int) (*tensor.Tensor, error) {
				return rows.Take(s, make([]int32, ids)).Sum(), nil
			},
		})
		return err
	}
	tests := []struct {
		name string
		err  error
		says string
	}{
		{"micro batches", run(train.SGD{}, 2, &train.Rows{Most: 3}, 1), "2 micro batches"},
		{"Muon", run(train.Muon{}, 1, &train.Rows{Most: 3}, 1), "Muon"},
		{"no rows", run(train.SGD{}, 1, &train.Rows{}, 1), "ask for 0"},
		{"more than announced", run(train.SGD{}, 1, &train.Rows{Most: 3}, 4), "4 rows, at most 3"},
	}
	for _, tt := range tests {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.name, tt.err, tt.says)
		}
	}
}
