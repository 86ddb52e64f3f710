package corpus

import "fmt"

// Streams cut a corpus into contiguous stretches, one a row of a batch, along which
// recurrent models are trained: row r of a batch goes on where row r of the one before
// ended, so a state can be carried over. As of a [Loader], a batch is a function of
// seed and number alone.
//
// After an epoch every stream begins anew, at an offset drawn for that epoch.
type Streams struct {
	tokens  Tokens
	seed    uint64
	rows, t int
	windows int64 // of a stream in an epoch
}

// NewStreams deals batches of rows of t ids. Tokens of which a row would get less
// than one window are an error.
func NewStreams(tokens Tokens, rows, t int, seed uint64) (*Streams, error) {
	if rows < 1 || t < 1 {
		panic(fmt.Sprintf("corpus: NewStreams: batch of %d rows of %d ids", rows, t))
	}
	windows := (tokens.Len() - 1) / int64(rows) / int64(t)
	if windows < 1 {
		return nil, fmt.Errorf("corpus: data of %d tokens are too few for %d streams of a window of %d and the token after it", tokens.Len(), rows, t)
	}
	return &Streams{tokens, seed, rows, t, windows}, nil
}

// Windows is the number of batches in an epoch.
func (s *Streams) Windows() int64 { return s.windows }

// Batch fills ids and targets, both (R, T), with batch number i ≥ 0 of the streams from
// row on, as many as there is room for; targets are the ids moved on by one. past is
// the number of tokens of each stream that came before in this epoch.
func (s *Streams) Batch(i int64, row int, ids, targets []int32) (past int, err error) {
	n := len(ids) / s.t
	if n*s.t != len(ids) || len(targets) != len(ids) || i < 0 || row < 0 || row+n > s.rows {
		panic(fmt.Sprintf("corpus: Batch %d: ids of length %d and targets of %d from row %d on of (%d, %d)", i, len(ids), len(targets), row, s.rows, s.t))
	}
	epoch, place := i/s.windows, i%s.windows
	length := s.windows * int64(s.t)
	slack := uint64(s.tokens.Len() - 1 - length*int64(s.rows))
	offset := int64(scramble(s.seed^scramble(uint64(epoch)+1)) % (slack + 1))
	window := make([]int32, s.t+1)
	for r := range n {
		if err := s.tokens.ReadIDs(window, offset+int64(row+r)*length+place*int64(s.t)); err != nil {
			return 0, err
		}
		copy(ids[r*s.t:(r+1)*s.t], window)
		copy(targets[r*s.t:(r+1)*s.t], window[1:])
	}
	return int(place) * s.t, nil
}
