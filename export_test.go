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

// EmbeddingRows are the rows of a model's embedding by word.
func EmbeddingRows(m *Model) map[string][]float32 {
	table, err := embeddingTable(m.loaded.LM, m.tok.Size())
	if err != nil {
		panic(err)
	}
	rows, all := table.Floats(), map[string][]float32{}
	for id := range m.tok.Size() {
		all[spelled(m.tok, int32(id))] = rows[id*table.Dim(1) : (id+1)*table.Dim(1)]
	}
	return all
}

// HoldOut lets the tests see a split of labelled examples.
func HoldOut[T any](all []T, keys func(T) []string, share float64, seed uint64) (learn, held []T, err error) {
	return holdOut(all, keys, share, seed)
}
