package corpus

import "fmt"

// Tokens is a long sequence of ids with random access: [IDs] in memory or
// [Shards] on disk.
type Tokens interface {
	// Len is the number of ids, N.
	Len() int64
	// ReadIDs fills dst with the ids from position at on. Positions outside
	// [0, Len()] are an error, as are failures to read.
	ReadIDs(dst []int32, at int64) error
}

// IDs are tokens in memory.
type IDs []int32

// Len is the number of ids.
func (t IDs) Len() int64 { return int64(len(t)) }

// ReadIDs copies ids from position at on.
func (t IDs) ReadIDs(dst []int32, at int64) error {
	if err := inside(dst, at, t.Len()); err != nil {
		return err
	}
	copy(dst, t[at:])
	return nil
}

func inside(dst []int32, at, n int64) error {
	if at < 0 || at+int64(len(dst)) > n {
		return fmt.Errorf("corpus: ids %d to %d asked for, there are %d", at, at+int64(len(dst)), n)
	}
	return nil
}
