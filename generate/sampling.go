package generate

import (
	"errors"
	"fmt"
	"math"
)

// Sampling says how a token is drawn from the model's distribution. The zero
// value is greedy: the likeliest token, the lowest id of equals.
//
// The steps are taken in the order of the fields, which is llama.cpp's: first
// scores are changed, then tokens are struck out, each step by the
// probabilities of those that the one before it left, and the temperature comes
// last. Zero turns a step off. Greedy, the scores that the first steps
// changed decide.
type Sampling struct {
	Bias map[int32]float32 // is added to the scores of tokens; −Inf forbids one

	// RepetitionPenalty divides the positive scores of tokens that the prompt or
	// the text has already, and multiplies the negative ones (Keskar et al. 2019,
	// arXiv:1909.05858, section 4.1). 1 is off too.
	RepetitionPenalty float32
	FrequencyPenalty  float32 // is subtracted as often as the token is there
	PresencePenalty   float32 // is subtracted where the token is there
	PenaltyWindow     int     // tokens that the three look back on, 0: all
	DRY               DRY

	TopK        int     // keeps the k likeliest
	Typical     float32 // keeps those whose information is nearest to the mean, that together have probability p (Meister et al. 2022, arXiv:2202.00666); 1 is off too
	TopP        float32 // keeps the likeliest that together have probability p (Holtzman et al. 2019, arXiv:1904.09751); 1 is off too
	MinP        float32 // keeps those at least this share as likely as the likeliest (Nguyen et al. 2024, arXiv:2407.01082)
	Temperature float32 // divides the scores; 0 is greedy

	Seed   uint64 // same seed, same text
	Stream uint64 // tells several texts of one seed apart: 0, 1, … n−1
}

// DRY ("don't repeat yourself") lowers the score of every token that would continue a
// repetition of n tokens, n ≥ Allowed, by Multiplier·Base^(n−Allowed)
// (github.com/oobabooga/text-generation-webui, pull request 5677).
type DRY struct {
	Multiplier float32 // 0: off
	Base       float32 // 0: 1.75
	Allowed    int     // 0: 2
	Window     int     // tokens that it looks back on, 0: all
	Breakers   []int32 // tokens that no repetition goes across: the turns' marks, ends of lines

	// Sequences are texts that no repetition goes across. A [Text] makes Breakers of them where that is
	// nil: the tokens that have the whole of one, and special ones. Nil, as in llama.cpp: an end of line, a
	// colon, a quotation mark, an asterisk.
	Sequences []string
}

// Check refuses a number that is out of its range; the zero value is valid.
func (s *Sampling) Check() error {
	for _, f := range []struct {
		name   string
		value  float32
		lo, hi float32
	}{
		{"repetition penalty", s.RepetitionPenalty, 0, math.MaxFloat32},
		{"frequency penalty", s.FrequencyPenalty, -math.MaxFloat32, math.MaxFloat32},
		{"presence penalty", s.PresencePenalty, -math.MaxFloat32, math.MaxFloat32},
		{"DRY multiplier", s.DRY.Multiplier, 0, math.MaxFloat32},
		{"DRY base", s.DRY.Base, 0, math.MaxFloat32},
		{"typical", s.Typical, 0, 1},
		{"top-p", s.TopP, 0, 1},
		{"min-p", s.MinP, 0, 1},
		{"temperature", s.Temperature, 0, math.MaxFloat32},
	} {
		if !(f.value >= f.lo && f.value <= f.hi) { // also refuses NaN
			return fmt.Errorf("generate: %s is %g, want %g to %g", f.name, f.value, f.lo, f.hi)
		}
	}
	for _, f := range []struct {
		name  string
		value int
	}{{"top-k", s.TopK}, {"penalty window", s.PenaltyWindow}, {"DRY allowed length", s.DRY.Allowed}, {"DRY window", s.DRY.Window}} {
		if f.value < 0 {
			return fmt.Errorf("generate: %s is %d, want 0 or more", f.name, f.value)
		}
	}
	for id, x := range s.Bias {
		if x != x || math.IsInf(float64(x), 1) {
			return fmt.Errorf("generate: bias of token %d is %g, want a number or -Inf", id, x)
		}
	}
	return nil
}

// checkIDs refuses biases of tokens that the vocabulary has not, and texts, which only a tokenizer finds.
func (s *Sampling) checkIDs(vocab int) error {
	for id := range s.Bias {
		if id < 0 || int(id) >= vocab {
			return fmt.Errorf("generate: bias of token %d, the vocabulary has %d", id, vocab)
		}
	}
	if s.DRY.Multiplier > 0 && s.DRY.Breakers == nil && s.DRY.Sequences != nil {
		return errors.New("generate: sequences that break DRY without a tokenizer: set Breakers, their tokens")
	}
	return nil
}

// penalises reports whether what was written changes the scores.
func (s *Sampling) penalises() bool {
	return s.RepetitionPenalty != 0 && s.RepetitionPenalty != 1 || s.FrequencyPenalty != 0 || s.PresencePenalty != 0
}

// bends reports whether the scores are changed at all.
func (s *Sampling) bends() bool { return len(s.Bias) > 0 || s.penalises() || s.DRY.Multiplier > 0 }
