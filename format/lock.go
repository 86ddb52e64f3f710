package format

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// ErrLocked is what [LockDir]'s error wraps when another run holds the folder.
var ErrLocked = errors.New("another run is using this folder")

// lockName is the file whose lock stands for its folder's.
const lockName = ".inkstone.lock"

// LockDir makes dir, where it is not there, and the caller its only user until
// unlock or the end of the process, however that comes: the lock is the
// operating system's. It also removes the temporary files that a killed run
// left in dir itself; subfolders are not looked at.
//
// Errors: dir cannot be made or written; [ErrLocked]. The empty file
// .inkstone.lock stays behind: removing it would let two runs lock two files
// of that name.
func LockDir(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("format: lock %s: %w", dir, err)
	}
	l := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o666))
	got, err := l.TryLock()
	if err == nil && !got {
		err = ErrLocked
	}
	if err != nil {
		return nil, fmt.Errorf("format: lock %s: %w", dir, err)
	}
	if err := removeTemporary(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("format: lock %s: %w", dir, err), l.Close())
	}
	return l.Close, nil
}
