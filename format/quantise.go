package format

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// encoders write one block: x are its elements, w their weights in the error, b its bytes.
var encoders = map[DType]func(x, w []float32, b []byte) error{
	F16: encodeF16, BF16: encodeBF16, Q8_0: encodeQ8_0, Q4_0: encodeQ4_0, Q4_1: encodeQ4_1, Q5_0: encodeQ5_0, Q5_1: encodeQ5_1,
	Q4_K: encodeQ4K, Q5_K: encodeQ5K, Q6_K: encodeQ6K,
}

// Quantise converts rows of cols numbers to type t: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K
// or Q6_K. Scales are chosen so that the sum of squares of the errors is small, each
// multiplied by its column's importance; a nil importance means 1 everywhere. Rows are
// independent and are done in parallel by so many threads, 0: one for each core, with the same result for
// any number.
//
// Errors name the element: NaN or infinity, a number beyond the range of a type's scales. Others: a
// type that is not written; rows that are no whole number of blocks; an importance that is
// negative, not finite, or of the wrong length.
func Quantise(t DType, x []float32, cols int, importance []float32, threads int) ([]byte, error) {
	encode := encoders[t]
	if t != F32 && encode == nil {
		return nil, fmt.Errorf("type %s is not written here", t)
	}
	if cols < 1 || len(x)%cols != 0 || cols%t.Block() != 0 {
		return nil, fmt.Errorf("%d numbers in rows of %d: a row is no whole number of blocks of %d, as %s has", len(x), cols, t.Block(), t)
	}
	if err := checkImportance(importance, cols); err != nil {
		return nil, err
	}
	if err := CheckFinite(x, cols); err != nil {
		return nil, err
	}
	if t == F32 {
		return FromF32("", x, len(x)).Data, nil
	}
	size, _ := t.bytes([]int{cols})
	out := make([]byte, len(x)/cols*size)
	return out, inRows(len(x)/cols, threads, func(row int) error {
		err := encodeRow(t, x[row*cols:][:cols], importance, out[row*size:][:size], encode)
		if err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
		return nil
	})
}

// CheckFinite names the first element of rows of cols numbers that is NaN or infinite.
func CheckFinite(x []float32, cols int) error {
	for i, v := range x {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("element %d, row %d column %d, is %g", i, i/cols, i%cols, v)
		}
	}
	return nil
}

func checkImportance(w []float32, cols int) error {
	if w != nil && len(w) != cols {
		return fmt.Errorf("%d weights of importance for %d columns", len(w), cols)
	}
	for i, v := range w {
		if !(v >= 0) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("the importance of column %d is %g", i, v)
		}
	}
	return nil
}

// encodeRow writes the blocks of one row.
func encodeRow(t DType, x, w []float32, b []byte, encode func(x, w []float32, b []byte) error) error {
	n := t.Block()
	if n == 1 {
		return encode(x, nil, b)
	}
	size := len(b) / (len(x) / n)
	ones := w == nil
	if ones {
		w = unweighted[:n]
	}
	for i := 0; i < len(x); i += n {
		of := w
		if !ones {
			of = weightsOf(w[i : i+n])
		}
		if err := encode(x[i:i+n], of, b[i/n*size:][:size]); err != nil {
			return fmt.Errorf("columns %d to %d: %w", i, i+n-1, err)
		}
	}
	return nil
}

var unweighted = func() (ones [256]float32) {
	for i := range ones {
		ones[i] = 1
	}
	return ones
}()

// weightsOf is w, or ones where all of w is zero: columns that the calibration never used.
func weightsOf(w []float32) []float32 {
	for _, v := range w {
		if v > 0 {
			return w
		}
	}
	return unweighted[:len(w)]
}

// inRows calls do for every row, in so many threads, and returns the error of the first row that has one.
func inRows(rows, threads int, do func(row int) error) error {
	var next atomic.Int64
	errs := make([]error, rows)
	var all sync.WaitGroup
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	for range min(rows, threads) {
		all.Go(func() {
			for row := int(next.Add(1)) - 1; row < rows; row = int(next.Add(1)) - 1 {
				errs[row] = do(row)
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func encodeF16(x, _ []float32, b []byte) error {
	for i, v := range x {
		h := kernel.ToF16(v)
		if h&0x7fff == 0x7c00 {
			return fmt.Errorf("column %d, %g, is beyond the range of F16", i, v)
		}
		binary.LittleEndian.PutUint16(b[2*i:], h)
	}
	return nil
}

func encodeBF16(x, _ []float32, b []byte) error {
	for i, v := range x {
		h := kernel.ToBF16(v)
		if h&0x7fff == 0x7f80 {
			return fmt.Errorf("column %d, %g, is beyond the range of BF16", i, v)
		}
		binary.LittleEndian.PutUint16(b[2*i:], h)
	}
	return nil
}
