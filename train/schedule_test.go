package train_test

import (
	"math"
	"testing"

	"github.com/inkstone-ai/inkstone/train"
)

func TestSchedule(t *testing.T) {
	cosine := train.Schedule{Shape: train.Cosine, Warmup: 0.1, Floor: 0.1}
	wsd := train.Schedule{Shape: train.WSD, Warmup: 0.2, Decay: 0.5, Floor: 0}
	tests := []struct {
		name     string
		schedule train.Schedule
		done     float64
		want     float64
	}{
		{"zero value", train.Schedule{}, 0, 1},
		{"zero value, end", train.Schedule{}, 1, 1},
		{"constant after warm-up", train.Schedule{Warmup: 0.5}, 0.75, 1},
		{"warm-up begins at nothing", cosine, 0, 0},
		{"half of the warm-up", cosine, 0.05, 0.5},
		{"cosine begins at its peak", cosine, 0.1, 1},
		{"cosine at its middle", cosine, 0.55, 0.55},
		{"cosine at a quarter", cosine, 0.325, 0.1 + 0.9*(1+math.Sqrt2/2)/2},
		{"cosine ends at its floor", cosine, 1, 0.1},
		{"wsd warms up", wsd, 0.1, 0.5},
		{"wsd is stable", wsd, 0.5, 1},
		{"wsd falls in a line", wsd, 0.75, 0.5},
		{"wsd ends", wsd, 1, 0},
		{"wsd with a floor", train.Schedule{Shape: train.WSD, Decay: 0.5, Floor: 0.2}, 0.75, 0.6},
		{"noam warms up", train.Schedule{Shape: train.Noam, Warmup: 0.04}, 0.01, 0.25},
		{"noam at its peak", train.Schedule{Shape: train.Noam, Warmup: 0.04}, 0.04, 1},
		{"noam falls with the root", train.Schedule{Shape: train.Noam, Warmup: 0.04}, 0.16, 0.5},
		{"noam ends", train.Schedule{Shape: train.Noam, Warmup: 0.04}, 1, 0.2},
		{"before the run", cosine, -1, 0},
		{"after the run", cosine, 2, 0.1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.schedule.At(tt.done); math.Abs(got-tt.want) > 1e-12 {
				t.Errorf("At(%g) = %g, want %g", tt.done, got, tt.want)
			}
		})
	}
}

// The optimizer takes its rate from the middle of a step: the mean over the run is
// then the integral of the schedule, and no step is spent on a rate of 0.
func TestScheduleIntegral(t *testing.T) {
	tests := []struct {
		name     string
		schedule train.Schedule
		want     float64
	}{
		{"constant", train.Schedule{Warmup: 0.2}, 0.9},
		{"cosine", train.Schedule{Shape: train.Cosine, Warmup: 0.1}, 0.05 + 0.45},
		{"wsd", train.Schedule{Shape: train.WSD, Warmup: 0.1, Decay: 0.5}, 0.05 + 0.4 + 0.25},
	}
	for _, tt := range tests {
		const n = 1000
		sum := 0.0
		for i := range n {
			sum += tt.schedule.At((float64(i) + 0.5) / n)
		}
		if got := sum / n; math.Abs(got-tt.want) > 1e-6 {
			t.Errorf("%s: the mean is %g, want %g", tt.name, got, tt.want)
		}
	}
}
