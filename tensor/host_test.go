package tensor_test

import (
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tensor"
)

func TestTakeAndPutRows(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	table := tensor.FromFloats(d, []float32{0, 1, 10, 11, 20, 21, 30, 31}, 4, 2)
	part := tensor.New(d, 3, 2)
	part.TakeRows(table, []int32{3, 1})
	testkit.SameBits(t, "taken", part.Floats(), []float32{30, 31, 10, 11, 0, 0})
	part.WriteFloats([]float32{-1, -2, -3, -4, -5, -6})
	table.PutRows([]int32{0, 2}, part)
	testkit.SameBits(t, "put", table.Floats(), []float32{-1, -2, 10, 11, -3, -4, 30, 31})
	tests := []struct {
		name string
		f    func()
		says string
	}{
		{"a row that is not there", func() { part.TakeRows(table, []int32{4}) }, "no row 4"},
		{"a negative row", func() { table.PutRows([]int32{-1}, part) }, "no row -1"},
		{"too many", func() { part.TakeRows(table, []int32{0, 1, 2, 3}) }, "4 rows"},
		{"another width", func() { part.TakeRows(tensor.New(d, 4, 3), []int32{0}) }, "do not fit"},
	}
	for _, tt := range tests {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, tt.says) {
					t.Errorf("%s: panic %q, want %q", tt.name, got, tt.says)
				}
			}()
			tt.f()
		}()
	}
}
