//go:build !linux && !darwin && !windows

package train

// Available returns false: how much memory is free is not known here.
func Available() (bytes int64, ok bool) { return 0, false }
