//go:build !amd64 || purego

package cpu

// All names every version of this build, whether this processor has it or not.
var All = []string{"generic"}

// versions lists what this processor can run, the plainest first.
func versions() []version { return []version{generic()} }
