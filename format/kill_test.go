package format_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/inkstone-ai/inkstone/format"
)

// TestKilledWhileWriting kills a process that replaces one file again and
// again, and finds the file whole each time.
func TestKilledWhileWriting(t *testing.T) {
	if path := os.Getenv("FORMAT_TEST_WRITE"); path != "" {
		replaceForever(path)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	for i := range 12 {
		child := exec.Command(os.Args[0], "-test.run=^TestKilledWhileWriting$")
		child.Env = append(os.Environ(), "FORMAT_TEST_WRITE="+path)
		out, err := child.StdoutPipe()
		if err == nil {
			err = child.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "written\n" {
			t.Fatalf("the child said %q, %v", line, err)
		}
		time.Sleep(time.Duration(i) * 1700 * time.Microsecond)
		child.Process.Kill()
		child.Wait()
		if err := oneNumberThroughout(path); err != nil {
			t.Fatalf("after kill %d: %v", i, err)
		}
	}
	unlock, err := format.LockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if got, want := files(t, dir), []string{".inkstone.lock", "x"}; !slices.Equal(got, want) {
		t.Errorf("the folder has %q, want %q", got, want)
	}
}

// replaceForever writes tensors that hold one number throughout, another one in
// each file.
func replaceForever(path string) {
	x := make([]float32, 1<<18)
	for n := float32(1); ; n++ {
		for i := range x {
			x[i] = n
		}
		if err := format.WriteSafetensors(path, nil, []format.Tensor{format.FromF32("x", x, len(x))}); err != nil {
			panic(err)
		}
		if n == 1 {
			fmt.Println("written")
		}
	}
}

func oneNumberThroughout(path string) error {
	s, err := format.OpenSafetensors(path)
	if err != nil {
		return err
	}
	defer s.Close()
	t, _ := s.Tensor("x")
	x, err := format.F32s(t)
	if err != nil {
		return err
	}
	for i, v := range x {
		if v != x[0] || v < 1 {
			return fmt.Errorf("element %d is %v, element 0 is %v", i, v, x[0])
		}
	}
	return nil
}
