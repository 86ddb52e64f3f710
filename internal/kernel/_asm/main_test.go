package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestCheckedIn: the assembly that is checked in is what the generator writes.
func TestCheckedIn(t *testing.T) {
	folder := t.TempDir()
	for _, family := range families {
		f := family()
		if err := write(f, folder); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{f.Name + "_amd64.s", f.Name + "_amd64.go"} {
			got, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join("..", "cpu", name))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s differs from what is checked in: run go generate ./internal/kernel/...", name)
			}
		}
	}
}
