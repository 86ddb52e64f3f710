//go:build !purego

package cpu

import (
	"sync"

	"golang.org/x/sys/unix"
)

// tilesAllowed asks Linux for the registers of AMX, which are larger than what it saves of
// a process that does not ask (arch_prctl(2), Documentation/arch/x86/xstate.rst).
var tilesAllowed = sync.OnceValue(func() bool {
	const requestPermission, tileData = 0x1023, 18
	_, _, err := unix.Syscall(unix.SYS_ARCH_PRCTL, requestPermission, tileData, 0)
	return err == 0
})
