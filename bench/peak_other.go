//go:build !unix

package bench

// residentBytes and peakBytes are not known here.
func residentBytes() int64 { return 0 }
func peakBytes() int64     { return 0 }
