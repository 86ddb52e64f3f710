package eval_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// A sacreCase is a corpus of testdata/sacrebleu.py and what sacreBLEU made of it.
type sacreCase struct {
	Name          string            `json:"name"`
	Tokenization  eval.Tokenization `json:"tokenization"`
	Hypotheses    []string          `json:"hypotheses"`
	References    []string          `json:"references"`
	Tokens        [][]string        `json:"hypothesis_tokens"`
	BLEU          float64           `json:"bleu"`
	Precisions    [4]float64        `json:"precisions"`
	Brevity       float64           `json:"brevity"`
	HypLength     int               `json:"hyp_length"`
	RefLength     int               `json:"ref_length"`
	BLEUSignature string            `json:"bleu_signature"`
	ChrF          float64           `json:"chrf"`
	ChrFSignature string            `json:"chrf_signature"`
}

func sacreCases(t *testing.T) (cases []sacreCase) {
	t.Helper()
	testkit.Golden(t, "testdata/sacrebleu.json", &cases)
	return cases
}

func TestBLEUEqualsSacreBLEU(t *testing.T) {
	for _, c := range sacreCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			for i, h := range c.Hypotheses {
				if diff := cmp.Diff(append([]string{}, c.Tokens[i]...), append([]string{}, c.Tokenization.Cut(h)...)); diff != "" {
					t.Errorf("tokens of %q, -want +got:\n%s", h, diff)
				}
			}
			got := eval.BLEU(c.Hypotheses, c.References, c.Tokenization)
			testkit.Close(t, "BLEU, brevity", []float64{got.Score, got.Brevity}, []float64{c.BLEU, c.Brevity}, 1e-12, 1e-12)
			testkit.Close(t, "precisions", got.Precisions[:], c.Precisions[:], 1e-12, 1e-12)
			if got.HypLength != c.HypLength || got.RefLength != c.RefLength || got.Signature != c.BLEUSignature {
				t.Errorf("lengths %d and %d, signature %s, want %d, %d, %s", got.HypLength, got.RefLength, got.Signature, c.HypLength, c.RefLength, c.BLEUSignature)
			}
		})
	}
}

func TestChrFEqualsSacreBLEU(t *testing.T) {
	for _, c := range sacreCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			got := eval.ChrF(c.Hypotheses, c.References)
			testkit.Close(t, "chrF", []float64{got.Score}, []float64{c.ChrF}, 1e-12, 1e-12)
			if got.Signature != c.ChrFSignature {
				t.Errorf("signature %s, want %s", got.Signature, c.ChrFSignature)
			}
		})
	}
}

// TestBLEUByHand is the formula of Papineni et al. 2002 on a sentence pair: of
// "the cat sat on it" in "the cat sat on the mat" 4 of 5 words, 3 of 4 pairs, 2 of 3
// triples and 1 of 2 quadruples are found, and 5 tokens are short of 6.
func TestBLEUByHand(t *testing.T) {
	got := eval.BLEU([]string{"the cat sat on it"}, []string{"the cat sat on the mat"}, eval.Tokens13a).Score
	want := 100 * math.Exp(1-6.0/5) * math.Pow(4.0/5*3/4*2/3*1/2, 0.25)
	if math.Abs(got-want) > 1e-9 {
		t.Errorf("BLEU %.6f, want %.6f", got, want)
	}
}
