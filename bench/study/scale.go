package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/inkstone-ai/inkstone/bench"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/plot"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// A point is one measurement of training speed, made by a process of its own, so
// that its peak of memory is its own.
type point struct {
	bench.Configuration
	Threads int               `json:"threads"`
	Seconds float64           `json:"seconds"`
	X       float64           `json:"x"` // what the sweep changes
	Report  bench.TrainReport `json:"report"`
	// The lowest and the highest share of the peak in the sweep's rounds.
	Lowest  float64 `json:"lowest"`
	Highest float64 `json:"highest"`
}

// A sweep changes one dimension and keeps the others.
type sweep struct {
	Name   string  `json:"name"` // of the dimension, and of the picture
	What   string  `json:"what"` // the x axis
	Points []point `json:"points"`

	rounds  int     // how often all points are measured, in turn; of each the median counts
	seconds float64 // of a point at least: a model's first steps meet memory for the first time
}

// middle is what the sweeps of one dimension vary: 4.2 million weights, 1,024 tokens
// an update.
var middle = bench.Configuration{Layers: 4, Width: 256, Heads: 4, Context: 256, Rows: 4, Vocab: 4096}

// sweeps of a machine with so many cores. All sizes of a sweep have the same tokens
// an update where the sweep is not about them: AdamW's work is then the same share.
func sweeps(cores int) []sweep {
	vary := func(name, what string, values []int, set func(*bench.Configuration, int)) sweep {
		s := sweep{Name: name, What: what, rounds: 1}
		for _, v := range values {
			c := middle
			set(&c, v)
			c.Name = fmt.Sprintf("%s %d", name, v)
			s.Points = append(s.Points, point{Configuration: c, X: float64(v)})
		}
		return s
	}
	all := []sweep{
		parameters(),
		vary("width", "width, channels", []int{64, 128, 256, 512, 1024}, func(c *bench.Configuration, v int) { c.Width, c.Heads = v, v/64 }),
		vary("depth", "depth, blocks", []int{1, 2, 4, 8, 16}, func(c *bench.Configuration, v int) { c.Layers = v }),
		vary("context", "context, tokens; 8,192 tokens an update", []int{64, 256, 1024, 2048, 4096, 8192}, func(c *bench.Configuration, v int) {
			c.Layers, c.Context, c.Rows = 2, v, 8192/v
		}),
		vary("batch", "batch, rows of 256 tokens", []int{1, 2, 4, 8, 16, 32}, func(c *bench.Configuration, v int) { c.Rows = v }),
		vary("vocabulary", "vocabulary, tokens", []int{256, 1024, 4096, 16384, 65536}, func(c *bench.Configuration, v int) { c.Vocab = v }),
		vary("threads", "threads", upTo(cores), func(*bench.Configuration, int) {}),
	}
	for i := range all[len(all)-1].Points {
		p := &all[len(all)-1].Points[i]
		p.Threads = int(p.X)
	}
	return all
}

// parameters is the sweep of sizes that a model family has: depth and width grow
// together. Its points are compared as shares of the peak, which a neighbour on the
// machine moves more than the size does: hence the rounds.
func parameters() sweep {
	s := sweep{Name: "parameters", What: "parameters; 512 tokens an update", rounds: 3, seconds: 4}
	for _, c := range []bench.Configuration{
		{Layers: 6, Width: 320, Heads: 5}, {Layers: 8, Width: 448, Heads: 7}, {Layers: 10, Width: 640, Heads: 10},
		{Layers: 12, Width: 896, Heads: 14}, {Layers: 16, Width: 1024, Heads: 16}, {Layers: 24, Width: 1088, Heads: 17},
	} {
		c.Context, c.Rows, c.Vocab = 128, 4, 8192
		c.Name = fmt.Sprintf("%d × %d", c.Layers, c.Width)
		s.Points = append(s.Points, point{Configuration: c, X: weights(c)})
	}
	return s
}

// weights are those of a GPT-2 with a tied head, norms and biases left out.
func weights(c bench.Configuration) float64 {
	w := float64(c.Width)
	return 12*float64(c.Layers)*w*w + w*float64(c.Vocab+c.Context)
}

// upTo are powers of two below n, and n.
func upTo(n int) (all []int) {
	for i := 1; i < n; i *= 2 {
		all = append(all, i)
	}
	return append(all, n)
}

// small replaces the sweeps' sizes by ones that a test can pay.
func small(all []sweep) []sweep {
	for i := range all {
		s := &all[i]
		s.Points = s.Points[:2]
		for j := range s.Points {
			c := &s.Points[j].Configuration
			c.Width, c.Heads, c.Context, c.Vocab = c.Width/8, 1, c.Context/4, c.Vocab/8
			if s.Name == "parameters" {
				s.Points[j].X = weights(*c)
			}
		}
	}
	return all
}

// work is about what a point costs: five or six steps, or the time of a short one.
func (p point) work() float64 {
	tokens := float64(p.Rows * p.Context)
	d := train.Dimensions{Layers: p.Layers, Width: p.Width, Hidden: 4 * p.Width, Heads: p.Heads, KVHeads: p.Heads, HeadDim: p.Width / p.Heads, Vocab: p.Vocab}
	return max(6*tokens*d.FLOPs(p.Context)/6e10, p.Seconds) + 1.5
}

// scale measures all sweeps and writes their pictures and scale.json.
func scale(ctx context.Context, all []sweep, o options) error {
	total, done := 0.0, 0.0
	for i := range all {
		for j := range all[i].Points {
			p := &all[i].Points[j]
			p.Seconds = max(o.seconds, all[i].seconds)
			p.Threads = cmp.Or(p.Threads, o.threads)
			total += p.work() * float64(all[i].rounds)
		}
	}
	pace := startPace(total)
	for i := range all {
		err := all[i].measure(ctx, func(p *point, r bench.TrainReport) {
			done += p.work()
			pace.tell(done, fmt.Sprintf("%s · %.4g tokens/s · %s · %.0f %% of peak", p.Configuration, r.TokensPerSecond, train.Bytes(r.PeakBytes), 100*r.RoofShare))
		})
		if err != nil {
			return err
		}
	}
	if err := drawSweeps(all, o.out); err != nil {
		return err
	}
	return format.WriteFile(filepath.Join(o.out, "scale.json"), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "\t")
		return e.Encode(all)
	})
}

// measure measures the points in rounds, and keeps of each point the round of the
// median share of the peak.
func (s *sweep) measure(ctx context.Context, tell func(*point, bench.TrainReport)) error {
	reports := make([][]bench.TrainReport, len(s.Points))
	for range s.rounds {
		for i := range s.Points {
			p := &s.Points[i]
			r, err := p.measure(ctx)
			if err != nil {
				return fmt.Errorf("scale: %s: %w", p.Configuration, err)
			}
			reports[i] = append(reports[i], r)
			tell(p, r)
		}
	}
	for i, of := range reports {
		slices.SortFunc(of, func(a, b bench.TrainReport) int { return cmp.Compare(a.RoofShare, b.RoofShare) })
		p := &s.Points[i]
		p.Report, p.Lowest, p.Highest = of[len(of)/2], of[0].RoofShare, of[len(of)-1].RoofShare
	}
	return nil
}

// measure runs the point in a process of its own: this program, which reads the
// point from its input and writes the report.
func (p *point) measure(ctx context.Context) (r bench.TrainReport, err error) {
	exe, err := os.Executable()
	if err != nil {
		return r, err
	}
	in, err := json.Marshal(p)
	if err != nil {
		return r, err
	}
	c := exec.CommandContext(ctx, exe, "point")
	c.Stdin, c.Stderr = bytes.NewReader(in), os.Stderr
	out, err := c.Output()
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(out, &r)
}

// measurePoint is the process of one point.
func measurePoint(ctx context.Context, in io.Reader, out io.Writer) error {
	var p point
	if err := json.NewDecoder(in).Decode(&p); err != nil {
		return fmt.Errorf("point: %w", err)
	}
	r, err := bench.Train(ctx, p.Configuration, tensor.F32, p.Threads, time.Duration(p.Seconds*float64(time.Second)), nil)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// drawSweeps draws each sweep's speed and memory, and the share of the peak over
// parameters, which is flat where cost grows as the arithmetic does.
func drawSweeps(all []sweep, dir string) error {
	for _, s := range all {
		speed := plot.Line{Name: "tokens per second", Dots: true}
		memory := plot.Line{Name: "resident memory, MiB", Dots: true}
		share := plot.Line{Name: "training, AdamW", Dots: true}
		for _, p := range s.Points {
			speed.X, speed.Y = append(speed.X, p.X), append(speed.Y, p.Report.TokensPerSecond)
			share.X, share.Y = append(share.X, p.X), append(share.Y, 100*p.Report.RoofShare)
			if p.Report.PeakBytes > 0 { // the system tells
				memory.X, memory.Y = append(memory.X, p.X), append(memory.Y, float64(p.Report.PeakBytes)/(1<<20))
			}
		}
		charts := map[string]plot.Chart{"scale-" + s.Name + ".png": {
			Title: "Speed and memory of training by " + s.Name, X: plot.Scale{Name: s.What, Log: true},
			Y: plot.Scale{Name: "tokens per second; MiB", Log: true}, Lines: []plot.Line{speed, memory},
		}}
		if s.Name == "parameters" {
			charts["scale-share.png"] = plot.Chart{
				Title: "Share of the processor's peak by size", X: plot.Scale{Name: s.What, Log: true},
				Y: plot.Scale{Name: "% of the multiply-adds that registers alone reach", Zero: true}, Lines: []plot.Line{share},
			}
		}
		for file, chart := range charts {
			if err := format.WriteFile(filepath.Join(dir, file), chart.WritePNG); err != nil {
				return err
			}
		}
	}
	return nil
}

func cores() int { return runtime.GOMAXPROCS(0) }
