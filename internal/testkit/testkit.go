// Package testkit is what the project's tests share: golden files, the shared
// data, comparison within a tolerance, and a numeric gradient.
//
// It knows plain slices and closures, no tensors, so that packages of every
// floor can use it. Only tests import it. A check that fails calls t.Errorf and
// lets the test go on; a file that cannot be read calls t.Fatalf.
package testkit

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// startDir is read when the program starts, so that a test which changes its
// working directory still finds the module.
var startDir, _ = os.Getwd()

// ModuleRoot returns the folder of the go.mod nearest above the folder in which
// the test began; go test begins in the package's folder. It panics where there
// is none, since no test of a module runs outside of one.
func ModuleRoot() string { return moduleRoot() }

var moduleRoot = sync.OnceValue(func() string {
	for dir := startDir; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			panic("testkit: no go.mod in or above " + startDir)
		}
	}
})

// Data returns the path of a file or folder of the shared data, for example
// Data(t, "lm-tinyshakespeare/input.txt"). The data lie in the folder named by
// INKSTONE_DATA, by default ../shared/data beside the module; a relative
// INKSTONE_DATA counts from the module's root.
//
// A missing file skips the test, since the data are not part of a checkout;
// with INKSTONE_REQUIRE_DATA=1 it fails the test instead.
func Data(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("INKSTONE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "shared", "data")
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(ModuleRoot(), dir)
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("INKSTONE_REQUIRE_DATA") == "1" {
			t.Fatalf("shared data not found, and INKSTONE_REQUIRE_DATA=1 requires it: %v", err)
		}
		t.Skipf("shared data not found: %v", err)
	}
	return path
}

// ReadFile returns the contents of a file, unzipped where the name ends in .gz.
// ReadFile(t, Data(t, name)) reads a shared file.
func ReadFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	if !strings.HasSuffix(path, ".gz") {
		return b
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err == nil {
		b, err = io.ReadAll(z)
	}
	if err != nil {
		t.Fatalf("testkit: unzip %s: %v", path, err)
	}
	return b
}

// Golden reads the JSON file (or .json.gz) at path into v. A key that v has no
// field for fails the test: a misspelt tag would otherwise compare zeros.
func Golden(t testing.TB, path string, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(ReadFile(t, path)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("testkit: golden file %s: %v", path, err)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("testkit: golden file %s: more than one JSON value", path)
	}
}
