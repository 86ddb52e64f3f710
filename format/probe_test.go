package format_test

import (
	"strings"
	"testing"
	"fmt"
	"time"
	"os"

	"github.com/inkstone-ai/inkstone/format"
)

func TestProbePickle(t *testing.T) {
	nest := func(depth int) string { // a tuple of tuples: 3^depth leaves
		s := "K\x01\x85q\x00"
		for range depth { s += "0h\x00h\x00h\x00\x87q\x00" }
		return s
	}
	const keys, data = "\x80\x02]U\x010a.", "\x04\x00\x00\x00\x00\x00\x00\x00" + "aaaabbbbccccdddd"
	n := 4000
	cases := map[string]string{
		"device": pickled("ctorch\ndevice\n("+nest(14)+"tR", "\x80\x02]."),
		"meta": pickled(strings.Replace(view("K\x00", "K\x04\x85", "K\x01\x85"), "\x89NtR", "\x89N}"+nest(14)+"\x88stR", 1), keys, data),
		"dict": pickled("]q\x01((NNtq\x020"+strings.Repeat("h\x02", n)+"e0"+"ccollections\nOrderedDict\nq\x030"+"]("+strings.Repeat("h\x03h\x01\x85R", n)+"e", "\x80\x02]."),
		"shape": pickled("(K\x01q\x04"+strings.Repeat("h\x04", n)+"tq\x050"+"]("+strings.Repeat(view("K\x00", "h\x05", "h\x05"), 500)+"e", keys, data),
		"long": "\x80\x02\x8b\x80\x84\x1e\x00" + strings.Repeat("\x77", 2000000) + ".",
		"text": "\x80\x02X\x80\x84\x1e\x00" + strings.Repeat("\xff", 2000000) + ".",
	}
	for name, file := range cases {
		var err error
		t0 := time.Now()
		got := allocated(func() { _, err = format.ReadTorch("x", []byte(file)) })
		e := fmt.Sprint(err)
		fmt.Fprintf(os.Stderr, "%s: file %d allocated %d (%.0fx) in %v: %.100s (%d)\n", name, len(file), got, float64(got)/float64(len(file)), time.Since(t0), e, len(e))
	}
}

func TestProbeDescribe(t *testing.T) {
	var tensors []format.Tensor
	tensors = append(tensors, format.FromF32(strings.Repeat("x", 50000), []float32{1}, 1))
	for i := range 1000 { tensors = append(tensors, format.FromF32(fmt.Sprintf("a%dz", i), []float32{1}, 1)) }
	p := t.TempDir()+"/x.safetensors"
	if err := format.WriteSafetensors(p, nil, tensors); err != nil { t.Fatal(err) }
	s, _ := format.OpenSafetensors(p)
	fmt.Fprintln(os.Stderr, "describe", len(format.Describe(s)))
}
