package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/format"
)

// speeches is the family of models of spoken words.
func (a *app) speeches() family {
	return family{
		name: "models of speech", types: inkstone.SpeechModels(), next: "generate --model %s --prompt FILE.wav", train: a.trainSpeech, generate: a.hear, eval: a.evalSpeech,
		trainFlags: append([]string{"pattern", "unheard"}, networkFlags...), generateFlags: []string{"prompt", "beam", "number", "plot", "json"},
		evalFlags: []string{"held-out", "beam", "utterances", "seed"},
	}
}

// addSpeechTrainFlags adds what train has for models of speech.
func (a *app) addSpeechTrainFlags(f *pflag.FlagSet) {
	f.String("pattern", "", a.t("of models of speech: `PATTERN` of the recordings' names (default {label}_{speaker}_{number}.wav)", "语音模型：录音文件名的模式 `PATTERN`（默认 {label}_{speaker}_{number}.wav）"))
	f.StringArray("unheard", nil, a.t("of models of speech: learn nothing of the speaker `NAME`, on whom the model is measured; may be repeated (default the last by name)", "语音模型：不从说话人 `NAME` 学习，而用其测量模型；可多次给出（默认按名称的最后一位）"))
}

func (a *app) trainSpeech(c *cobra.Command, r trainRequest) error {
	return runVerb[inkstone.SpeechSettings]{
		data: "RECORDINGS", read: inkstone.ReadSpeechSettings, train: inkstone.TrainSpeech,
		dials: func(s *inkstone.SpeechSettings) dials {
			return dials{&s.Model, &s.Precision, &s.Depth, &s.Steps, &s.EvalEvery, &s.CheckpointEvery, &s.Seed}
		},
		own: func(f *pflag.FlagSet, s *inkstone.SpeechSettings) error {
			pattern, _ := f.GetString("pattern")
			unheard, _ := f.GetStringArray("unheard")
			override(f, "pattern", &s.Pattern, pattern)
			if f.Changed("unheard") {
				s.Unheard = unheard
			}
			return nil
		},
	}.run(a, c, r)
}

// addSpeechGenerateFlags adds what generate has for models of speech.
func (a *app) addSpeechGenerateFlags(f *pflag.FlagSet) {
	f.String("plot", "", a.t("of ctc: draw to `FILE`.png the recording's energies, and when the model hears which word", "ctc：把录音的能量和模型在何时听到哪个词画到 `FILE`.png"))
}

// hear prints what is said in the recordings that the prompt names.
func (a *app) hear(c *cobra.Command, r generateRequest) error {
	f := c.Flags()
	beam, _ := f.GetInt("beam")
	path, _ := f.GetString("plot")
	switch {
	case r.prompt == "":
		return usagef("generate: this model hears recordings: want --prompt FILE.wav")
	case f.Changed("beam") && beam < 1:
		return usagef("generate: --beam must be positive")
	case path != "" && strings.ToLower(filepath.Ext(path)) != ".png":
		return usagef("generate: --plot %s: want a .png", path)
	}
	if !f.Changed("beam") {
		beam = 0
	}
	m, err := inkstone.LoadSpeech(r.dir, &inkstone.LoadOptions{Threads: r.threads})
	if err != nil {
		return err
	}
	defer m.Close()
	sounds, err := m.Read(a.notice, strings.Split(strings.TrimRight(r.prompt, "\r\n"), "\n")...)
	if err != nil {
		return err
	}
	if path != "" && sounds.Len() > 1 {
		return usagef("generate: --plot draws one recording; --prompt names %d", sounds.Len())
	}
	if m.Kind() == "audio-cnn" {
		if err := refuse(c, "audio-cnn", "beam", "plot"); err != nil {
			return err
		}
		return a.tellWords(c, r, m, sounds)
	}
	if err := refuse(c, "ctc", "number"); err != nil {
		return err
	}
	return a.transcribe(c, r, m, sounds, beam, path)
}

// transcribe prints a line for each recording, with its name where there are several.
func (a *app) transcribe(c *cobra.Command, r generateRequest, m *inkstone.Speech, sounds *corpus.Sounds, beam int, path string) error {
	said, err := m.Transcribe(c.Context(), sounds, beam)
	if err != nil {
		return err
	}
	for _, t := range said {
		switch {
		case r.asJSON:
			err = a.printJSON(t)
		case len(said) > 1:
			_, err = fmt.Fprintf(a.out, "%s\t%s\n", t.Name, t.Text)
		default:
			_, err = fmt.Fprintln(a.out, t.Text)
		}
		if err != nil {
			return err
		}
	}
	if path == "" {
		return nil
	}
	p, err := m.Posteriors(sounds.Rate, sounds.Samples[0])
	if err != nil {
		return err
	}
	return format.WriteFile(path, func(w io.Writer) error { return m.WriteScore(w, p) })
}

// heardWord is what generate --json prints of a recording of one word.
type heardWord struct {
	Sound string                    `json:"sound"`
	Words []inkstone.Classification `json:"words"`
}

// tellWords prints the likeliest words of each recording.
func (a *app) tellWords(c *cobra.Command, r generateRequest, m *inkstone.Speech, sounds *corpus.Sounds) error {
	n := r.numberOr(c, 3)
	said, err := m.Classify(c.Context(), sounds, n)
	if err != nil {
		return err
	}
	for i, words := range said {
		if r.asJSON {
			if err := a.printJSON(heardWord{sounds.Names[i], words}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintln(a.out, sounds.Names[i])
		a.printClasses(words)
	}
	return nil
}

// addSpeechEvalFlags adds what eval has for models of speech.
func (a *app) addSpeechEvalFlags(f *pflag.FlagSet) {
	f.Int("utterances", 0, a.t("of ctc: measure `N` utterances made of the recordings (default 300)", "ctc：测量由录音合成的 `N` 个语句（默认 300）"))
}

func (a *app) evalSpeech(c *cobra.Command, dir string, threads int, asJSON bool, o inkstone.EvaluateOptions) error {
	f := c.Flags()
	var e inkstone.SpeechEvaluation
	e.Utterances, _ = f.GetInt("utterances")
	e.Seed, _ = f.GetUint64("seed")
	if f.Changed("beam") {
		e.Beam, _ = f.GetInt("beam")
	}
	if e.Utterances < 0 || f.Changed("beam") && e.Beam < 1 {
		return usagef("eval: --utterances must not be negative, --beam must be positive")
	}
	m, err := inkstone.LoadSpeech(dir, &inkstone.LoadOptions{Threads: threads})
	if err != nil {
		return err
	}
	defer m.Close()
	if m.Kind() == "audio-cnn" {
		if err := refuse(c, "audio-cnn", "beam", "utterances", "seed"); err != nil {
			return err
		}
	}
	sounds, err := m.ReadLabelled(a.notice, o.Data...)
	if err != nil {
		return err
	}
	if held, _ := f.GetBool("held-out"); held {
		if sounds, err = m.HeldOut(sounds); err != nil {
			return err
		}
	}
	var r eval.Report
	if r, err = m.Evaluate(c.Context(), sounds, e); err != nil {
		return err
	}
	r.Title = strings.Join(o.Data, " ")
	return a.printReport(r, asJSON)
}
