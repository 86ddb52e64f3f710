//go:build !purego && !linux

package cpu

// tilesAllowed: other systems have not been tried.
func tilesAllowed() bool { return false }
