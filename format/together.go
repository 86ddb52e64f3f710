package format

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// writeTogether is [WriteFile] for files of one folder that are worth nothing alone: all are put in place,
// or none. write is called for one after the other. The first is put in place last, and taken away first
// where there was one: a reader that asks for it never meets old and new files side by side, even where
// the program is killed between them.
func writeTogether(paths []string, write func(i int, w io.Writer) error) (err error) {
	var undo rollback
	defer func() { err = errors.Join(err, undo.run()) }() // also when write panics
	ready := make([]*staged, len(paths))
	for i, path := range paths {
		if ready[i], err = stage(path, func(w io.Writer) error { return write(i, w) }); err != nil {
			return err
		}
		undo = append(undo, ready[i].discard)
	}
	earlier, err := placeTogether(ready)
	if err != nil {
		return err
	}
	undo = nil
	return errors.Join(discardAll(earlier), syncPlaced(paths[0]))
}

// placeTogether puts the files in place, or none, and returns those that they take the place of, under their temporary
// names.
func placeTogether(ready []*staged) (earlier []*staged, err error) {
	pending.Lock()
	defer pending.Unlock()
	if pending.ended {
		return nil, errAbandoned
	}
	var undo rollback
	defer func() { err = errors.Join(err, undo.run()) }()
	for _, s := range ready {
		if _, err := os.Lstat(s.path); err != nil {
			continue
		}
		old := &staged{path: s.path, temp: temporary(s.path)}
		if err := undo.rename(s.path, old.temp); err != nil {
			return nil, err
		}
		earlier = append(earlier, old)
	}
	for i := range ready {
		s := ready[len(ready)-1-i]
		if err := undo.rename(s.temp, s.path); err != nil {
			return nil, err
		}
	}
	undo = nil
	for i := range ready {
		delete(pending.temps, ready[i].temp)
	}
	for _, old := range earlier {
		note(&pending.temps, old.temp)
	}
	return earlier, nil
}

// syncPlaced flushes the folder of a file that is in place.
func syncPlaced(path string) error {
	if err := theDisk.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("format: write %s: the file is in place, but may not survive a power failure: %w", path, err)
	}
	return nil
}

func discardAll(files []*staged) (err error) {
	for _, s := range files {
		err = errors.Join(err, s.discard())
	}
	return err
}

// A rollback takes back what was done, the last first.
type rollback []func() error

func (r *rollback) rename(from, to string) error {
	if err := theDisk.Rename(from, to); err != nil {
		return fmt.Errorf("format: write: %w", err) // the system's error names both paths
	}
	*r = append(*r, func() error { return theDisk.Rename(to, from) })
	return nil
}

func (r rollback) run() (err error) {
	for i := range r {
		err = errors.Join(err, r[len(r)-1-i]())
	}
	return err
}
