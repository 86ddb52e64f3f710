//go:build !purego

package cpu

//go:noescape
func pause()
