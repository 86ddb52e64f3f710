//go:build !linux

package cpu

// yield does nothing: only Linux has a call for it that costs less than the spin.
func yield() {}
