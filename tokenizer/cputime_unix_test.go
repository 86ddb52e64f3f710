//go:build unix

package tokenizer_test

import (
	"syscall"
	"testing"
)

// cpuTime returns the seconds of processor time that this process has used.
func cpuTime(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
