package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ErrNotCached is what errors of a model that is not in the cache wrap.
var ErrNotCached = errors.New("is not in the cache")

// A Cached is one revision of a model in the cache, or what is there of files of a
// model that a pull did not finish.
type Cached struct {
	Name     Name      // with the commit as revision where no branch points to it
	Commit   string    //
	Refs     []string  // branches and tags that point to the commit
	Dir      string    // the snapshot's folder
	Files    int       //
	Bytes    int64     // of the files; revisions share those that are equal
	LastUsed time.Time // of the latest file, as the system has it

	Unfinished bool // parts of files, which are of no revision yet: Commit is ""
}

// List reads the cache: every revision of every model, by name, and behind those of
// a model what a pull did not finish.
//
// Errors: a folder that cannot be read. A cache that is not there has no models.
func (c Config) List() ([]Cached, error) {
	repos, err := readDir(c.Cache)
	if err != nil {
		return nil, err
	}
	var all []Cached
	for _, entry := range repos {
		repo, ok := repoOf(entry.Name())
		if !ok || !entry.IsDir() {
			continue
		}
		revisions, err := revisionsOf(repo, filepath.Join(c.Cache, entry.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, revisions...)
		left, err := unfinished(repo, filepath.Join(c.Cache, entry.Name(), "blobs"))
		if err != nil {
			return nil, err
		}
		if left.Bytes > 0 {
			all = append(all, left)
		}
	}
	return all, nil
}

// unfinished are the parts of files that are to be blobs.
func unfinished(repo, dir string) (Cached, error) {
	c := Cached{Name: Name{repo, mainRevision}, Dir: dir, Unfinished: true}
	blobs, err := readDir(dir)
	for _, b := range blobs {
		if !strings.HasSuffix(b.Name(), ".incomplete") {
			continue
		}
		info, err := b.Info()
		if errors.Is(err, fs.ErrNotExist) { // it has become whole
			continue
		}
		if err != nil {
			return c, wrap(err)
		}
		c.count(filepath.Join(dir, b.Name()), info)
	}
	return c, err
}

// revisionsOf are the snapshots of one model, those of branches first.
func revisionsOf(repo, dir string) ([]Cached, error) {
	refs, err := refsOf(dir)
	if err != nil {
		return nil, err
	}
	snapshots, err := readDir(filepath.Join(dir, "snapshots"))
	if err != nil {
		return nil, err
	}
	var all []Cached
	for _, s := range snapshots {
		if !commitHash.MatchString(s.Name()) {
			continue
		}
		r := Cached{Name: Name{repo, s.Name()}, Commit: s.Name(), Dir: filepath.Join(dir, "snapshots", s.Name())}
		for ref, commit := range refs {
			if commit == r.Commit {
				r.Refs = append(r.Refs, ref)
			}
		}
		if slices.Sort(r.Refs); len(r.Refs) > 0 {
			r.Name.Revision = r.Refs[0]
		}
		if slices.Contains(r.Refs, mainRevision) {
			r.Name.Revision = mainRevision
		}
		if err := r.measure(); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b Cached) int { return len(b.Refs) - len(a.Refs) })
	return all, nil
}

// measure counts the snapshot's files. A link whose blob is gone counts nothing.
func (r *Cached) measure() error {
	return filepath.WalkDir(r.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := os.Stat(path) // of what the link points to
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		r.count(path, info)
		return nil
	})
}

// refsOf are a model's branches and tags, and their commits.
func refsOf(dir string) (map[string]string, error) {
	refs, root := map[string]string{}, filepath.Join(dir, "refs")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		refs[filepath.ToSlash(name)] = strings.TrimSpace(string(b))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return refs, wrap(err)
}

func readDir(dir string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return entries, wrap(err)
}

// Find returns the snapshot of a name. It does not touch the network.
//
// Errors wrap [ErrNotCached] and say which command fetches the model.
func (c Config) Find(n Name) (string, error) {
	repo := filepath.Join(c.Cache, n.folder())
	commit := n.Revision
	if !commitHash.MatchString(commit) {
		b, err := os.ReadFile(filepath.Join(repo, "refs", filepath.FromSlash(n.Revision)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("hub: %w", err)
		}
		commit = strings.TrimSpace(string(b))
	}
	dir := filepath.Join(repo, "snapshots", commit)
	if info, err := os.Stat(dir); commitHash.MatchString(commit) && err == nil && info.IsDir() {
		return dir, nil
	}
	return "", fmt.Errorf("hub: %s %w %s: fetch it with: inkstone pull %s", n, ErrNotCached, c.Cache, n)
}

// Measure is the size and last use of a model outside of the cache, a folder or
// a file, whose path becomes its name. Of a folder the files in it count, not
// those of folders in it.
func Measure(path string) (Cached, error) {
	c := Cached{Name: Name{Repo: path, Revision: mainRevision}, Dir: path}
	info, err := os.Stat(path)
	if err != nil {
		return c, fmt.Errorf("hub: %w", err)
	}
	if !info.IsDir() {
		c.Files, c.Bytes, c.LastUsed = 1, info.Size(), lastUse(path, info)
		return c, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return c, fmt.Errorf("hub: %w", err)
	}
	for _, e := range entries {
		file := filepath.Join(path, e.Name())
		info, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue
		}
		if err != nil {
			return c, fmt.Errorf("hub: %w", err)
		}
		c.count(file, info)
	}
	return c, nil
}

// count adds a file.
func (r *Cached) count(path string, info fs.FileInfo) {
	r.Files++
	r.Bytes += info.Size()
	if used := lastUse(path, info); used.After(r.LastUsed) {
		r.LastUsed = used
	}
}
