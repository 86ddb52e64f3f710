package cpu

import "golang.org/x/sys/unix"

// yield offers the processor to another thread of the system.
func yield() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
