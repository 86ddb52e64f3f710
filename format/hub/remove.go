package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
)

// A Removal is what removing a model would take away.
type Removal struct {
	Revisions []Cached
	Blobs     int   // files that nothing else links to, those that a pull did not finish and plain ones of snapshots included
	Bytes     int64 // of them: what the disk gets back

	// Ref is a branch or tag that goes alone, for Others point to the same commit,
	// whose files stay; "" where files go.
	Ref    string
	Others []string

	cache Config
	repo  string   // the model's folder
	blobs []string // paths
	whole bool     // nothing of the model stays
}

// Removal finds out what is to be removed for a name: the revision, where all is
// false, and the files that no other revision has; or the whole model. Of a branch or
// tag whose commit has other names the name alone goes.
//
// Errors: the name is not in the cache.
func (c Config) Removal(n Name, all bool) (*Removal, error) {
	r := &Removal{cache: c, repo: filepath.Join(c.Cache, n.folder())}
	if _, err := os.Stat(r.repo); err != nil {
		return nil, fmt.Errorf("hub: %s %w %s; inkstone list shows what is", n, ErrNotCached, c.Cache)
	}
	revisions, err := revisionsOf(n.Repo, r.repo)
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{} // names of blobs
	for _, x := range revisions {
		if !all && len(x.Refs) > 1 && slices.Contains(x.Refs, n.Revision) {
			r.Ref = n.Revision
			r.Others = slices.DeleteFunc(slices.Clone(x.Refs), func(ref string) bool { return ref == r.Ref })
			return r, nil
		}
		if all || x.Commit == n.Revision || slices.Contains(x.Refs, n.Revision) {
			r.Revisions = append(r.Revisions, x)
			continue
		}
		if err := linked(x.Dir, kept); err != nil {
			return nil, err
		}
	}
	if len(r.Revisions) == 0 && !all {
		return nil, fmt.Errorf("hub: %s %w %s; inkstone list shows what is", n, ErrNotCached, c.Cache)
	}
	r.whole = len(r.Revisions) == len(revisions)
	if err := r.collect(kept); err != nil {
		return nil, err
	}
	return r, r.countPlain()
}

// linked adds the blobs that a snapshot links to.
func linked(dir string, kept map[string]bool) error {
	return wrap(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink == 0 {
			return err
		}
		target, err := os.Readlink(path)
		kept[filepath.Base(target)] = true
		return err
	}))
}

// collect lists the blobs that go. Files of snapshots that are no links (on
// disks that have none) go with their snapshot; a blob beside them is shared by
// all, and goes with the last.
func (r *Removal) collect(kept map[string]bool) error {
	blobs, err := readDir(filepath.Join(r.repo, "blobs"))
	if err != nil {
		return err
	}
	for _, b := range blobs {
		name := strings.TrimSuffix(b.Name(), ".incomplete")
		if kept[name] || !r.whole && (name != b.Name() || r.plain()) {
			continue
		}
		info, err := b.Info()
		if err != nil {
			return wrap(err)
		}
		r.Blobs++
		r.Bytes += info.Size()
		r.blobs = append(r.blobs, filepath.Join(r.repo, "blobs", b.Name()))
	}
	return nil
}

// countPlain adds the snapshots' files that are no links, nor hard links to a blob,
// which is counted where it goes and stays where it does not.
func (r *Removal) countPlain() error {
	blobs, err := readDir(filepath.Join(r.repo, "blobs"))
	if err != nil {
		return err
	}
	var known []fs.FileInfo
	for _, b := range blobs {
		info, err := b.Info()
		if err != nil {
			return wrap(err)
		}
		known = append(known, info)
	}
	for _, x := range r.Revisions {
		err := filepath.WalkDir(x.Dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			info, err := d.Info()
			if err == nil && !slices.ContainsFunc(known, func(b fs.FileInfo) bool { return os.SameFile(b, info) }) {
				r.Blobs++
				r.Bytes += info.Size()
			}
			return err
		})
		if err != nil {
			return wrap(err)
		}
	}
	return nil
}

// plain says that the snapshots have files rather than links.
func (r *Removal) plain() bool {
	for _, x := range r.Revisions {
		entries, _ := os.ReadDir(x.Dir)
		for _, e := range entries {
			if e.Type().IsRegular() {
				return true
			}
		}
	}
	return false
}

// Do removes it: links first, so that what is left when it is interrupted is
// blobs without a link, never the other way round.
//
// Errors: a file that another program fetches just now; what the system says.
func (r *Removal) Do() error {
	if r.Ref != "" {
		return r.removeRef(r.Ref)
	}
	for _, blob := range r.blobs {
		if err := r.idle(blob); err != nil {
			return err
		}
	}
	for _, x := range r.Revisions {
		for _, ref := range x.Refs {
			if err := r.removeRef(ref); err != nil {
				return err
			}
		}
		if err := errors.Join(os.RemoveAll(x.Dir), os.RemoveAll(filepath.Join(r.repo, ".no_exist", x.Commit))); err != nil {
			return fmt.Errorf("hub: %w", err)
		}
	}
	for _, blob := range r.blobs {
		if err := os.Remove(blob); err != nil {
			return fmt.Errorf("hub: %w", err)
		}
	}
	if r.whole {
		return wrap(errors.Join(os.RemoveAll(r.repo), os.RemoveAll(filepath.Join(r.cache.Cache, ".locks", filepath.Base(r.repo)))))
	}
	return nil
}

func (r *Removal) removeRef(ref string) error {
	err := os.Remove(filepath.Join(r.repo, "refs", filepath.FromSlash(ref)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return wrap(err)
}

// idle sees that nobody fetches a blob.
func (r *Removal) idle(blob string) error {
	name := strings.TrimSuffix(filepath.Base(blob), ".incomplete")
	path := filepath.Join(r.cache.Cache, ".locks", filepath.Base(r.repo), name+".lock")
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	l := flock.New(path)
	got, err := l.TryLock()
	if err != nil {
		return fmt.Errorf("hub: lock %s: %w", path, err)
	}
	if !got {
		return fmt.Errorf("hub: %s is being fetched by another program: wait for it, or stop it", filepath.Base(r.repo))
	}
	return wrap(l.Close())
}
