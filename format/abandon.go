package format

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// pending are the files of this process that are not complete yet. Who puts files in place holds it, so that
// [Abandon] meets all of them in place or none.
var pending struct {
	sync.Mutex
	temps   map[string]bool
	folders map[string]bool // that were made for them
	ended   bool
}

var errAbandoned = errors.New("the program ends")

// Abandon removes what is not complete yet of the files that this process writes, and lets none be written any more: it
// is for a program that ends while others of its goroutines write, which would leave temporary files behind. Files
// that are being put in place are waited for.
func Abandon() {
	pending.Lock()
	defer pending.Unlock()
	pending.ended = true
	for path := range pending.temps {
		_ = theDisk.Remove(path) // the program ends: nobody could do more about it
	}
	for dir := range pending.folders {
		_ = os.Remove(dir) // only where nothing is in it
	}
}

// made notes a folder that did not exist before, and returns what forgets it.
func made(dir string) (forget func()) {
	pending.Lock()
	defer pending.Unlock()
	note(&pending.folders, dir)
	return func() {
		pending.Lock()
		defer pending.Unlock()
		delete(pending.folders, dir)
	}
}

func note(all *map[string]bool, path string) {
	if *all == nil {
		*all = map[string]bool{}
	}
	(*all)[path] = true
}

// place is commit for who holds pending.
func (s *staged) place() error {
	if pending.ended {
		return fmt.Errorf("format: write %s: %w", s.path, errAbandoned)
	}
	if err := theDisk.Rename(s.temp, s.path); err != nil {
		return errors.Join(fmt.Errorf("format: write %s: %w", s.path, err), s.remove())
	}
	delete(pending.temps, s.temp)
	return syncPlaced(s.path)
}

// placeAll places files in their order up to the first that can not be, which is discarded. It returns how many that
// makes.
func placeAll(files []*staged) (done int, err error) {
	pending.Lock()
	defer pending.Unlock()
	for i, s := range files {
		if err := s.place(); err != nil {
			return i + 1, err
		}
	}
	return len(files), nil
}

// remove is discard for who holds pending.
func (s *staged) remove() error {
	if pending.ended {
		return nil // Abandon did it
	}
	delete(pending.temps, s.temp)
	if err := theDisk.Remove(s.temp); err != nil {
		return fmt.Errorf("format: write %s: temporary file left behind: %w", s.path, err)
	}
	return nil
}
