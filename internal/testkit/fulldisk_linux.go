package testkit

import (
	"os/signal"
	"testing"

	"golang.org/x/sys/unix"
)

// FullDisk runs f while no file of this process can grow beyond room bytes: writing
// more fails with EFBIG, which stands here for the ENOSPC of a full disk. The limit
// is the process's, whose test log it would tear too: see [Alone].
func FullDisk(t testing.TB, room uint64, f func()) {
	t.Helper()
	signal.Ignore(unix.SIGXFSZ) // what the system sends beside the error
	defer signal.Reset(unix.SIGXFSZ)
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limit := func(cur uint64) {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: cur, Max: before.Max}); err != nil {
			t.Fatal(err)
		}
	}
	limit(min(room, before.Cur))
	defer limit(before.Cur)
	f()
}
