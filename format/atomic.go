package format

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// tempSuffix ends the name of a file that is not complete yet, which also
// begins with a dot. A process that is killed leaves one behind; [LockDir]
// removes it. One that ends by itself calls [Abandon].
const tempSuffix = ".inkstone-tmp"

// WriteFile puts a file in place as a whole or not at all: write's output goes
// to a temporary file in the same folder, which is flushed to the disk, renamed
// to path, and the folder flushed too. A folder or a device at path is refused. Where anything before the renaming
// fails, write's own error included, the earlier file is as it was, the
// temporary one is removed, and the error wraps the cause. An earlier file's
// permissions are kept.
//
// w is buffered. write must not keep it.
func WriteFile(path string, write func(w io.Writer) error) error {
	s, err := stage(path, write)
	if err != nil {
		return err
	}
	return s.commit()
}

// staged is a complete file under its temporary name.
type staged struct{ path, temp string }

// stage writes the temporary file and flushes it to the disk.
func stage(path string, write func(w io.Writer) error) (_ *staged, err error) {
	s := &staged{path: path}
	if err := replaceable(path); err != nil {
		return nil, err
	}
	f, err := s.create()
	if err != nil {
		return nil, fmt.Errorf("format: write %s: %w", path, err)
	}
	complete := false
	defer func() { // also when write panics
		if !complete {
			_ = f.Close()
			err = errors.Join(err, s.discard())
		}
	}()
	w := bufio.NewWriterSize(f, 1<<16)
	for _, do := range []func() error{func() error { return write(w) }, w.Flush, f.Sync, f.Close} {
		if err := do(); err != nil {
			return nil, fmt.Errorf("format: write %s: %w", path, err)
		}
	}
	complete = true
	return s, nil
}

// replaceable refuses what a file must not take the place of: renaming onto a device
// such as /dev/full or /dev/stdout would remove it for every program.
func replaceable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil || info.Mode().IsRegular():
		return nil // what else is wrong with the path, creating the file says
	case info.IsDir():
		return fmt.Errorf("format: write %s: it is a folder; give the path of a file", path)
	}
	return fmt.Errorf("format: write %s: it is a device or a pipe, which a file would replace; give the path of a file", path)
}

func (s *staged) create() (diskFile, error) {
	pending.Lock()
	defer pending.Unlock()
	if pending.ended {
		return nil, errAbandoned
	}
	for {
		s.temp = temporary(s.path)
		f, err := theDisk.Create(s.temp, s.path)
		if err == nil {
			note(&pending.temps, s.temp)
		}
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// temporary is a new name in path's folder.
func temporary(path string) string {
	dir, base := filepath.Split(path)
	return filepath.Join(dir, fmt.Sprintf(".%s.%016x%s", base, rand.Uint64(), tempSuffix))
}

// commit makes the staged file the one at its path.
func (s *staged) commit() error {
	_, err := placeAll([]*staged{s})
	return err
}

// discard removes the temporary file.
func (s *staged) discard() error {
	pending.Lock()
	defer pending.Unlock()
	return s.remove()
}

// removeTemporary removes what killed writers left in dir.
func removeTemporary(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && strings.HasSuffix(e.Name(), tempSuffix) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// disk is what WriteFile needs of the operating system. It is an interface so
// that the tests can fill it up after any byte and fail any call.
type disk interface {
	// Create makes a new file, with the permissions of the file at like where
	// there is one.
	Create(path, like string) (diskFile, error)
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
}

type diskFile interface {
	io.Writer
	Sync() error
	Close() error
}

var theDisk disk = osDisk{}

type osDisk struct{}

func (osDisk) Create(path, like string) (diskFile, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(like); err == nil && info.Mode().IsRegular() {
		if err := f.Chmod(info.Mode().Perm()); err != nil {
			return nil, errors.Join(err, f.Close(), os.Remove(path))
		}
	}
	return f, nil
}

func (osDisk) Rename(from, to string) error { return os.Rename(from, to) }
func (osDisk) Remove(path string) error     { return os.Remove(path) }
func (osDisk) SyncDir(dir string) error     { return syncDir(dir) }
