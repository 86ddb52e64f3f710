package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/plot"
)

// videos is the family of models of clips.
func (a *app) videos() family {
	return family{
		name: "models of clips", types: inkstone.VideoModels(), next: "generate --model %s --prompt 7 --out clip.gif", train: a.trainVideo, generate: a.generateVideo, eval: a.evalVideo,
		trainFlags: networkFlags, generateFlags: []string{"prompt", "direction", "frames", "number", "out", "seed"}, evalFlags: []string{"held-out", "judge", "clips", "seed"},
	}
}

func (a *app) trainVideo(c *cobra.Command, r trainRequest) error {
	return runVerb[inkstone.VideoSettings]{
		data: "DIGITS", read: inkstone.ReadVideoSettings, train: inkstone.TrainVideo,
		dials: func(s *inkstone.VideoSettings) dials {
			return dials{&s.Model, &s.Precision, &s.Depth, &s.Steps, &s.EvalEvery, &s.CheckpointEvery, &s.Seed}
		},
	}.run(a, c, r)
}

// addVideoGenerateFlags adds what generate has for models of clips.
func (a *app) addVideoGenerateFlags(f *pflag.FlagSet) {
	f.Float64("direction", 0, a.t("of models of clips: the digit starts at `DEGREES` from rightward to downward", "视频模型：数字起始方向，`DEGREES` 度，从向右转向向下"))
	f.Int("frames", 10, a.t("of models of clips: `N` frames", "视频模型：帧数 `N`"))
}

// generateVideo makes a clip of the class that the prompt names; several stand side by side.
func (a *app) generateVideo(c *cobra.Command, r generateRequest) error {
	f := c.Flags()
	path, _ := f.GetString("out")
	direction, _ := f.GetFloat64("direction")
	frames, _ := f.GetInt("frames")
	switch {
	case r.prompt == "" || strings.ToLower(filepath.Ext(path)) != ".gif":
		return usagef("generate: this model makes clips: want --prompt CLASS and --out FILE.gif")
	case frames < 1:
		return usagef("generate: --frames must be positive")
	}
	m, err := inkstone.LoadVideo(r.dir, &inkstone.LoadOptions{Threads: r.threads})
	if err != nil {
		return err
	}
	defer m.Close()
	var wishes []inkstone.ClipWish
	for i := range r.n {
		wishes = append(wishes, inkstone.ClipWish{Class: strings.TrimSpace(r.prompt), Direction: direction, Seed: r.options.Sampling.Seed + uint64(i)})
	}
	clips, err := m.Generate(wishes, frames)
	if err != nil {
		return err
	}
	size := m.Shape().Size
	animation, err := sideBySide(clips, size[0], size[1])
	if err != nil {
		return err
	}
	return format.WriteFile(path, animation.WriteGIF)
}

// sideBySide is clips (T, H, W) as one animation, four times as large.
func sideBySide(clips [][]float32, H, W int) (*plot.Animation, error) {
	a := &plot.Animation{Scale: 4}
	for t := range len(clips[0]) / (H * W) {
		var row []float32
		for y := range H {
			for _, clip := range clips {
				row = append(row, clip[(t*H+y)*W:(t*H+y+1)*W]...)
			}
		}
		p, err := plot.Floats(H, W*len(clips), 1, row)
		if err != nil {
			return nil, err
		}
		a.Frames = append(a.Frames, p)
	}
	return a, nil
}

// addVideoEvalFlags adds what eval has for models of clips.
func (a *app) addVideoEvalFlags(f *pflag.FlagSet) {
	f.Int("clips", 0, a.t("of models of clips: measure `N` clips (default 256)", "视频模型：测量 `N` 个片段（默认 256）"))
}

func (a *app) evalVideo(c *cobra.Command, dir string, threads int, asJSON bool, o inkstone.EvaluateOptions) error {
	f := c.Flags()
	n, _ := f.GetInt("clips")
	if n < 0 {
		return usagef("eval: --clips must not be negative")
	}
	m, err := inkstone.LoadVideo(dir, &inkstone.LoadOptions{Threads: threads})
	if err != nil {
		return err
	}
	defer m.Close()
	judge, err := a.judge(f, threads)
	if err != nil {
		return err
	}
	if judge != nil {
		defer judge.Close()
	}
	digits, err := m.Read(a.notice, o.Data...)
	if err != nil {
		return err
	}
	if held, _ := f.GetBool("held-out"); held {
		if digits, err = m.HeldOut(digits); err != nil {
			return err
		}
	}
	seed, _ := f.GetUint64("seed")
	clips, err := m.Clips(digits, seed)
	if err != nil {
		return err
	}
	measured, err := m.Evaluate(c.Context(), clips, n, judge)
	if err != nil {
		return err
	}
	r := videoReport(measured)
	r.Title = strings.Join(o.Data, " ")
	return a.printReport(r, asJSON)
}

// judge is the classifier of --judge, nil without one.
func (a *app) judge(f *pflag.FlagSet, threads int) (*inkstone.Classifier, error) {
	dir, _ := f.GetString("judge")
	if dir == "" {
		return nil, nil
	}
	return inkstone.LoadClassifier(dir, &inkstone.LoadOptions{Threads: threads})
}

// videoReport has a row for each frame and way to go on, and what the judge read.
func videoReport(m *eval.VideoMeasurement) (r eval.Report) {
	ways := []struct {
		name  string
		score eval.VideoScore
	}{{"model", m.Model}, {"copy of the last frame", m.Copy}, {"linear motion", m.Linear}}
	for _, w := range ways {
		mean := 0.0
		for _, e := range w.score.SquaredError {
			mean += e / float64(len(w.score.SquaredError))
		}
		r.Number("squared error a frame, "+w.name, "", mean)
	}
	for t := range m.Model.SquaredError {
		for _, w := range ways {
			r.Number(fmt.Sprintf("squared error of frame %d, %s", m.First+t, w.name), "", w.score.SquaredError[t])
		}
	}
	if m.Truth.Of == 0 {
		return r
	}
	for _, w := range append(ways, struct {
		name  string
		score eval.VideoScore
	}{"truth", m.Truth}) {
		r.Share("digits read in the last frame, "+w.name, w.score.Right, w.score.Of)
	}
	r.Share("digits read in the first frame of the model's own clips", m.Drawn.Right, m.Drawn.Of)
	r.Share(fmt.Sprintf("digits read in frame %d of the model's own clips", m.First-1), m.Made.Right, m.Made.Of)
	return r
}
