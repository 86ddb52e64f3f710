package inkstone

// VocabFor and Derive let the tests see what is derived.
var VocabFor = vocabFor

// Derive fills s for a corpus and returns the parameters of its model and the
// tokens that the depth asks for.
func Derive(s Settings, vocab int, train, held int64) (Settings, int64, error) {
	s.EvalTokens = or(s.EvalTokens, 1<<18)
	if err := s.check(); err != nil {
		return s, 0, err
	}
	s, _, wanted, err := s.derive(size{vocab, train, held})
	return s, wanted, err
}

// FitInto lets the tests say how much memory is free.
var FitInto = fitInto
