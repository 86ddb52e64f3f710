package eval

import (
	"fmt"
	"testing"
)

// TestLexiconByHand: of the pairs "a": "x y" and "b": "x", the second round knows that x
// comes from b rather than from a; a source word shares what it is given with none.
func TestLexiconByHand(t *testing.T) {
	sources, targets := [][]string{{"a"}, {"b"}}, [][]string{{"x", "y"}, {"x"}}
	l := newLexicon(sources, targets)
	// At first t(x|a) = t(y|a) = ½ = t(x|none) = t(y|none), t(x|b) = 1. Of the first pair's x and
	// y a has half each; of the second's x b has 1/1.5 and none the rest, 1/3.
	l.round(sources, targets)
	x, y := 0.5+1.0/3, 0.5
	for _, tt := range []struct {
		source, target string
		want           float64
	}{{"a", "x", 0.5}, {"a", "y", 0.5}, {"b", "x", 1}, {nothing, "x", x / (x + y)}, {nothing, "y", y / (x + y)}} {
		if got := l.p[tt.source][tt.target]; fmt.Sprintf("%.9f", got) != fmt.Sprintf("%.9f", tt.want) {
			t.Errorf("t(%s|%q) is %g, want %g", tt.target, tt.source, got, tt.want)
		}
	}
	p, q := x/(x+y), y/(x+y)
	for source, want := range map[string]float64{"a": 0.5/(0.5+p) + 0.5/(0.5+q), "b": 1 / (1 + p)} {
		if got := l.fertility(sources, targets)[source]; fmt.Sprintf("%.9f", got) != fmt.Sprintf("%.9f", want) {
			t.Errorf("%q stands for %g words, want %g", source, got, want)
		}
	}
}
