package corpus

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// tempSuffix is package format's: who locks the folder removes what a killed
// process left.
const tempSuffix = ".inkstone-tmp"

// atomically lets write fill a new file and puts it at path when all of it is
// on disk. On any failure the file that was at path is untouched and the new
// one is gone.
func atomically(path string, write func(io.Writer) error) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("corpus: %s: it is no file, and a file would replace it; give the path of a file", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*"+tempSuffix)
	if err != nil {
		return fmt.Errorf("corpus: %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			err = fmt.Errorf("corpus: %s: %w", path, errors.Join(err, os.Remove(f.Name())))
		}
	}()
	b := bufio.NewWriterSize(f, 1<<20)
	for _, step := range []func() error{
		func() error { return write(b) },
		b.Flush,
		func() error { return f.Chmod(0o644) }, // CreateTemp makes it private
		f.Sync,
		f.Close,
		func() error { return os.Rename(f.Name(), path) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	syncFolder(filepath.Dir(path))
	return nil
}

// syncFolder makes the rename survive a loss of power. Not every system can
// sync a folder; the file is whole either way, at worst under its old name, so
// a failure here is none of the write.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}
