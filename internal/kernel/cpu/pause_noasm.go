//go:build !amd64 || purego

package cpu

// pause passes about 20 ns without touching memory that others write.
//
//go:noinline
func pause() {
	for range 40 {
	}
}
