package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestGenerated writes every family again and finds what is checked in.
func TestGenerated(t *testing.T) {
	out := t.TempDir()
	for _, family := range families {
		f := family()
		if err := write(f, out); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{f.Name + "_amd64.s", f.Name + "_amd64.go"} {
			want, err := os.ReadFile(filepath.Join(out, name))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join("../cpu", name)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s is not what the generator writes (%v): run go generate ./internal/kernel/cpu", name, err)
			}
		}
	}
}
