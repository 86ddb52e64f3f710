package testkit

import (
	"os"
	"os/exec"
	"testing"
)

// aloneKey names, in the environment, the test that a process was started for.
const aloneKey = "INKSTONE_TEST_ALONE"

// Alone reports whether this process runs t and nothing else. Where it does not,
// Alone starts one that does, and t fails when it fails: for tests that change what
// belongs to the whole process.
func Alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv(aloneKey) == t.Name() {
		return true
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), aloneKey+"="+t.Name())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("alone in its process: %v\n%s", err, out)
	}
	t.Logf("%s", out)
	return false
}
