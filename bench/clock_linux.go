package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTimes says that [threadClock] works here.
const threadTimes = true

// threadClock is the processor time that this thread has had.
func threadClock() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return wallClock() // no kernel since 2.6 lacks it
	}
	return time.Duration(t.Nano())
}
