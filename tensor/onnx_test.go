package tensor_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tensor"
)

// TestONNX runs the operator cases of the ONNX project, an oracle that knows
// nothing of this package: each case that an operation, or a plain composition
// of operations, can express, on both devices. The others are skipped with
// their reason, and the counts are printed.
//
// Integers and truth values run as f32 where f32 holds all of the case's
// numbers exactly.
func TestONNX(t *testing.T) {
	cases := onnxCases(t)
	device := devices(t)
	asked, ran, skipped := 0, 0, map[string]int{} // go test -run may ask for some only
	for _, c := range cases {
		t.Run(c.Case, func(t *testing.T) {
			asked++
			for _, set := range c.Sets {
				for _, d := range []string{"reference", "cpu"} {
					if reason := c.run(t, d, device[d], set); reason != "" {
						skipped[reason]++
						t.Skip("not expressible: " + reason)
					}
				}
			}
			ran++
		})
	}
	if t.Failed() {
		return
	}
	reasons := make([]string, 0, len(skipped))
	unsupported := 0
	for r, n := range skipped {
		unsupported += n
		reasons = append(reasons, fmt.Sprintf("%4d  %s", n, r))
	}
	sort.Sort(sort.Reverse(sort.StringSlice(reasons)))
	t.Logf("ran %d of %d cases, %d are not expressible:\n%s", ran, asked, unsupported, strings.Join(reasons, "\n"))
	if ran+unsupported != asked {
		t.Errorf("%d cases ran and %d were skipped of %d", ran, unsupported, asked)
	}
	if asked > 600 && ran < 300 {
		t.Errorf("only %d cases ran", ran)
	}
}

type (
	onnxCase struct {
		Case         string
		Op           string
		Opset        map[string]int
		Nodes        []onnxNode
		Initializers []onnxTensor
		Sets         []onnxSet
	}
	onnxNode struct {
		Op, Domain      string
		Inputs, Outputs []string
		Attrs           map[string]json.RawMessage
	}
	onnxSet struct{ Inputs, Outputs []onnxTensor }

	onnxTensor struct {
		Name, DType string
		Shape       []int
		Data        []onnxNumber
	}
	onnxNumber float64
)

// UnmarshalJSON reads a number, a truth value, "nan", "inf" or "-inf".
func (x *onnxNumber) UnmarshalJSON(b []byte) error {
	switch s := strings.Trim(string(b), `"`); s {
	case "true":
		*x = 1
	case "false":
		*x = 0
	case "inf", "-inf", "nan":
		var f float64
		_, err := fmt.Sscan(s, &f)
		*x = onnxNumber(f)
		return err
	default:
		var f float64
		err := json.Unmarshal([]byte(s), &f)
		*x = onnxNumber(f)
		return err
	}
	return nil
}

// onnxCases reads the file of cases, INKSTONE_ONNX_CASES or that of the shared
// data, or skips the test where it is missing. A relative path counts from the
// module's root.
func onnxCases(t *testing.T) (cases []onnxCase) {
	path := os.Getenv("INKSTONE_ONNX_CASES")
	if path == "" {
		path = testkit.Data(t, "onnx-operator-cases/cases.jsonl.gz")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(testkit.ModuleRoot(), path)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "cases.jsonl.gz")
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("shared data not found: %v (INKSTONE_ONNX_CASES names the file)", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(testkit.ReadFile(t, path))))
	for dec.More() {
		var c onnxCase
		if err := dec.Decode(&c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	return cases
}

// unsupported is what a node panics with where it can not be expressed.
type unsupported string

// run computes one set of a case and compares; it returns why it can not.
func (c *onnxCase) run(t *testing.T, on string, d *tensor.Device, set onnxSet) (reason string) {
	for _, x := range slices.Concat(set.Inputs, set.Outputs, c.Initializers) {
		if reason := x.exact(); reason != "" {
			return reason
		}
	}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case unsupported:
			reason = string(p)
		default:
			panic(p)
		}
	}()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	values := map[string]*value{}
	for _, x := range slices.Concat(set.Inputs, c.Initializers) {
		values[x.Name] = hostValue(x)
	}
	for _, n := range c.Nodes {
		c.apply(s, n, values)
	}
	for _, want := range set.Outputs {
		compareONNX(t, on+", "+want.Name, values[want.Name], want)
	}
	return ""
}

// apply computes a node.
func (c *onnxCase) apply(s *Step, n onnxNode, values map[string]*value) {
	f := onnxOps[n.Op]
	if f == nil {
		if why := onnxReasons[n.Op]; why != "" {
			panic(unsupported(why))
		}
		panic(unsupported("no operation for " + n.Op))
	}
	ctx := &node{s: s, onnxNode: n, opset: c.Opset[n.Domain]}
	for _, name := range n.Inputs {
		ctx.in = append(ctx.in, values[name])
	}
	for i, y := range f(ctx) {
		if i < len(n.Outputs) && n.Outputs[i] != "" {
			values[n.Outputs[i]] = &value{t: y}
		}
	}
}

// exact says why a tensor's numbers can not run as f32.
func (x onnxTensor) exact() string {
	switch x.DType {
	case "float32":
		return ""
	case "float16":
		return "float16 arithmetic: f16 is a storage type here"
	}
	for _, v := range x.Data {
		if f := float64(v); float64(float32(f)) != f && f == f || math.Abs(f) > 1<<24 && !math.IsInf(f, 0) {
			return x.DType + " numbers that f32 does not hold exactly"
		}
	}
	return ""
}

// compareONNX uses ONNX's own tolerances.
func compareONNX(t *testing.T, what string, got *value, want onnxTensor) {
	t.Helper()
	if got == nil {
		t.Errorf("%s: no value", what)
		return
	}
	if shape := got.t.Shape(); len(want.Shape) <= 6 && !slices.Equal(shape, want.Shape) {
		t.Errorf("%s: shape %v, want %v", what, shape, want.Shape)
		return
	}
	x, y := numbers(got.t), make([]float32, len(want.Data))
	for i, v := range want.Data {
		y[i] = float32(v)
	}
	testkit.Close(t, what, x, y, 1e-3, 1e-7)
}

// value is an operand: on the host, on the device, or both.
type value struct {
	dtype string
	shape []int
	data  []float64
	t     *T
}

func hostValue(x onnxTensor) *value {
	v := &value{dtype: x.DType, shape: x.Shape}
	for _, f := range x.Data {
		v.data = append(v.data, float64(f))
	}
	return v
}

// node is a node with its operands.
type node struct {
	onnxNode
	s     *Step
	opset int
	in    []*value
}

func (n *node) no(reason string) { panic(unsupported(reason)) }

func (n *node) has(i int) bool { return i < len(n.in) && n.in[i] != nil }

// x is operand i as an f32 tensor, nil where it is absent.
func (n *node) x(i int) *T {
	if !n.has(i) {
		return nil
	}
	v := n.in[i]
	if v.t == nil {
		v.t = n.shaped(i, v.shape...)
	}
	return v.t
}

// shaped is host operand i in another shape.
func (n *node) shaped(i int, shape ...int) *T {
	if len(shape) > 6 {
		n.no("a tensor of more than 6 dimensions")
	}
	return n.s.Floats(narrow(n.host(i)), shape...)
}

func (n *node) xs() (x []*T) {
	for i := range n.in {
		x = append(x, n.x(i))
	}
	return x
}

// host is operand i on the host.
func (n *node) host(i int) []float64 {
	v := n.in[i]
	if v.data == nil && v.t != nil {
		for _, f := range numbers(v.t) {
			v.data = append(v.data, float64(f))
		}
	}
	return v.data
}

// shape is operand i's shape.
func (n *node) shape(i int) []int {
	if v := n.in[i]; v.t == nil {
		return v.shape
	}
	return n.in[i].t.Shape()
}

// ints is operand i, whole numbers that steer the operation.
func (n *node) ints(i int) []int {
	var x []int
	for _, v := range n.host(i) {
		x = append(x, int(v))
	}
	return x
}

func (n *node) attr(name string, v any) bool {
	raw, ok := n.Attrs[name]
	if ok {
		if err := json.Unmarshal(raw, v); err != nil {
			panic(err)
		}
	}
	return ok
}

func (n *node) int(name string, otherwise int) int {
	n.attr(name, &otherwise)
	return otherwise
}

func (n *node) float(name string, otherwise float32) float32 {
	n.attr(name, &otherwise)
	return otherwise
}

func (n *node) str(name, otherwise string) string {
	n.attr(name, &otherwise)
	return otherwise
}

// list is an attribute of older operator sets, an operand of newer ones.
func (n *node) list(name string, operand int) (x []int, ok bool) {
	if n.attr(name, &x) {
		return x, true
	}
	if n.has(operand) {
		return n.ints(operand), true
	}
	return nil, false
}

// scalar is a constant that stretches to anything.
func (n *node) scalar(v float32) *T { return n.s.Full(v) }

func (n *node) ids(x []int, shape ...int) *T {
	ids := make([]int32, len(x))
	for i, v := range x {
		ids[i] = int32(v)
	}
	return n.s.Ints(ids, shape...)
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}
