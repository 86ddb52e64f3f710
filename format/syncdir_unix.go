//go:build unix

package format

import (
	"errors"
	"os"
	"syscall"
)

// syncDir flushes a folder's entries, so that a renaming survives a power
// failure. Some file systems have no such call and say EINVAL or ENOTSUP: there
// is nothing more to do then.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, f.Close())
}
