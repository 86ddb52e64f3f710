//go:build !linux && !darwin

package hub

import (
	"io/fs"
	"time"
)

// lastUse is when a file was written: these systems do not tell in one way when
// it was read.
func lastUse(_ string, info fs.FileInfo) time.Time { return info.ModTime() }
