//go:build unix && !linux

package cpu

// preferHuge does nothing where large pages can not be asked for.
func preferHuge([]byte) {}
