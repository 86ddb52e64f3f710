package bench

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// PyTorch describes the other side of training.
type PyTorch struct {
	Python        string   `json:"python"` // the interpreter's path
	PythonVersion string   `json:"python_version"`
	Version       string   `json:"version"`
	BLAS          string   `json:"blas,omitempty"` // the library that it has loaded for products
	Threads       int      `json:"threads"`
	LacksBF16     string   `json:"lacks_bf16,omitempty"` // why it can not
	Environment   []string `json:"environment"`          // that it runs with
}

// script is PyTorch's side: python reads it from its standard input, so that the
// installed binary suffices.
//
//go:embed peers/pytorch.py
var script string

// findPyTorch looks for an interpreter with PyTorch and puts what it is, or that
// there is none, into the report.
func (p *peers) findPyTorch(ctx context.Context) error {
	candidates := []string{p.Python}
	if p.Python == "" {
		candidates = []string{"python3", "/usr/bin/python3"}
	}
	var reasons []string
	for _, python := range candidates {
		t, err := p.probe(ctx, python)
		if ctx.Err() != nil {
			return fmt.Errorf("bench: %w", ctx.Err())
		}
		if err == nil {
			p.python, p.report.PyTorch = python, t
			return nil
		}
		reasons = append(reasons, fmt.Sprintf("%s: %v", python, err))
	}
	p.missing("PyTorch: %s; --python names an interpreter that has it", strings.Join(reasons, "; "))
	return nil
}

func (p *peers) probe(ctx context.Context, python string) (*PyTorch, error) {
	path, err := exec.LookPath(python)
	if err != nil {
		return nil, errors.New("not found")
	}
	said := struct {
		Version   string `json:"version"`
		Python    string `json:"python"`
		BLAS      string `json:"blas"`
		Threads   int    `json:"threads"`
		LacksBF16 string `json:"lacks_bf16"`
	}{}
	if err := answer(p.pytorch(ctx, path, "--probe"), &said); err != nil {
		return nil, err
	}
	return &PyTorch{
		Python: path, PythonVersion: said.Python, Version: said.Version, BLAS: said.BLAS, Threads: said.Threads,
		LacksBF16: said.LacksBF16, Environment: favours(p.Threads),
	}, nil
}

// pytorch is a process that runs the script.
func (p *peers) pytorch(ctx context.Context, python string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, python, append([]string{"-", "--threads", strconv.Itoa(p.Threads)}, args...)...)
	c.Stdin, c.Env = strings.NewReader(script), favourable(os.Environ(), p.Threads)
	return c
}

// theirs is PyTorch's training. Without PyTorch there is none, which is no news.
func (p *peers) theirs(ctx context.Context, c *Contest) (*Side, error) {
	switch t := p.report.PyTorch; {
	case t == nil:
		return nil, nil
	case c.Precision == "bf16" && t.LacksBF16 != "":
		return nil, fmt.Errorf("PyTorch %s has no bf16 here: %s", t.Version, t.LacksBF16)
	}
	var s Side
	err := answer(p.pytorch(ctx, p.python, c.Configuration, "--precision", c.Precision, "--seconds", fmt.Sprint(p.Seconds)), &s)
	if err != nil {
		return nil, err
	}
	return &s, nil
}

// favours is the environment in which PyTorch is fastest: as many threads as ours
// in either library, and memory that malloc keeps rather than gives back to
// the system and clears again at every step.
func favours(threads int) []string {
	n := strconv.Itoa(threads)
	return []string{
		"OMP_NUM_THREADS=" + n, "OPENBLAS_NUM_THREADS=" + n,
		"MALLOC_MMAP_THRESHOLD_=4294967295", "MALLOC_TRIM_THRESHOLD_=17179869184", "MALLOC_TOP_PAD_=268435456",
	}
}

// favourable is environment with favours, and without what makes OpenBLAS use kernels
// that are not those of this processor.
func favourable(environment []string, threads int) []string {
	return append(without(environment, "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"), favours(threads)...)
}

// without is environment less some variables.
func without(environment []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(environment), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return slices.Contains(names, name)
	})
}
