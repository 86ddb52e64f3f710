package format_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/inkstone-ai/inkstone/format"
)

func TestDescribe(t *testing.T) {
	f32 := func(name string, shape ...int) format.Tensor {
		n := 1
		for _, d := range shape {
			n *= d
		}
		return format.FromF32(name, make([]float32, n), shape...)
	}
	tensors := []format.Tensor{
		f32("wte", 5, 3), f32("scale"), f32("0.w", 2), f32("h.3.only", 1),
		f32("h.10.w", 2, 2), f32("h.9.w", 2, 2), f32("h.8.w", 2, 2), f32("h.1.w", 2, 2), f32("h.2.w", 4),
		f32("h.0.w.0", 1), f32("h.1.w.0", 1), f32("layer2norm", 1),
		{Name: "h.4.w", DType: format.U8, Shape: []int{2, 2}, Data: make([]byte, 4)},
	}
	s := encoded(t, tensors)
	want := `0.w           F32 (2)
h.{0-1}.w.0   F32 (1)
h.{1,8-10}.w  F32 (2, 2)
h.2.w         F32 (4)
h.3.only      F32 (1)
h.4.w         U8 (2, 2)
layer2norm    F32 (1)
scale         F32 ()
wte           F32 (5, 3)
13 tensors, 46 elements, 0.0 MB
`
	if diff := cmp.Diff(want, format.Describe(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDescribeStrangers: a long name does not widen the lines of others, and none speaks to the terminal.
func TestDescribeStrangers(t *testing.T) {
	tensors := []format.Tensor{format.FromF32(strings.Repeat("x", 1<<16), nil, 0), format.FromF32("\x1b]0;a\a", nil, 0)}
	for i := range 1000 {
		tensors = append(tensors, format.FromF32(fmt.Sprintf("a%db", i), nil, 0))
	}
	s := encoded(t, tensors)
	if got := format.Describe(s); len(got) > 1<<18 || !strings.Contains(got, `"\x1b]0;a\a" `) {
		t.Errorf("%d bytes: %.100q", len(got), got)
	}
}

// encoded are tensors as a file has them.
func encoded(t *testing.T, tensors []format.Tensor) format.Weights {
	t.Helper()
	var b bytes.Buffer
	if err := format.Encode(&b, nil, tensors); err != nil {
		t.Fatal(err)
	}
	s, err := format.ReadSafetensors("memory", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return s
}
