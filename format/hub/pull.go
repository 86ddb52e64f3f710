package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/inkstone-ai/inkstone/format"
)

// PullOptions say what to fetch. The zero value works.
type PullOptions struct {
	Include, Exclude []string // patterns of files, see [Choose]
	Parallel         int      // files at once; 0: four

	// Planned, where it is set, is told the commit and the chosen files before
	// the first of them is fetched; its error ends the pull and is returned.
	Planned func(commit string, files []File) error
	// Progress, where it is set, is told how many bytes are there, of how many,
	// and how many of them did not come now but were there before. It is called
	// by one goroutine at a time, and often.
	Progress func(done, total, before int64)
	// Notice, where it is set, is told what a user ought to know.
	Notice func(text string)
}

// A Pulled is a model that is in the cache.
type Pulled struct {
	Name   Name
	Commit string
	Dir    string // the snapshot's folder
	Files  []File // in it
	Bytes  int64  // that came over the network
}

// Pull fetches a model into the cache and returns where it is there. Files that
// are there already are not fetched again; one of which a part is there goes on
// from that. Two pulls of one model at once share the work: a file is fetched by
// whoever begins it, the other waits. The name's branch points to the new commit
// when all files are there, not before.
//
// Errors say what to do: offline; a model, revision or file that is not there or
// not for this token; what the network, the disk or the server say, after
// attempts where it may pass; bytes that have not the hash of the commit.
func (c *Client) Pull(ctx context.Context, n Name, o PullOptions) (*Pulled, error) {
	if c.Offline {
		return nil, fmt.Errorf("hub: %s: HF_HUB_OFFLINE is set, so nothing is fetched: unset it", n)
	}
	if err := c.checkEndpoint(); err != nil {
		return nil, err
	}
	p := &pull{client: c, name: n, o: o, repo: filepath.Join(c.Cache, n.folder())}
	commit, err := c.commit(ctx, p.notice, n)
	if err != nil {
		return nil, err
	}
	p.commit = commit
	all, err := c.files(ctx, p.notice, n, commit)
	if err != nil {
		return nil, err
	}
	files, err := Choose(all, o.Include, o.Exclude)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n, err)
	}
	if o.Planned != nil {
		if err := o.Planned(commit, files); err != nil {
			return nil, err
		}
	}
	if err := p.run(ctx, files); err != nil {
		return nil, err
	}
	if err := p.finish(all); err != nil {
		return nil, err
	}
	return &Pulled{n, commit, p.snapshot(), files, p.fetched.Load()}, nil
}

// A pull is one under way.
type pull struct {
	client *Client
	name   Name
	commit string
	o      PullOptions
	repo   string // the model's folder in the cache

	total                 int64
	done, fetched, before atomic.Int64
	mu                    sync.Mutex // of Progress and Notice
}

func (p *pull) snapshot() string { return filepath.Join(p.repo, "snapshots", p.commit) }

// run fetches the files, several at once. The first that fails ends the others.
func (p *pull) run(ctx context.Context, files []File) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, f := range files {
		p.total += f.Size
	}
	p.progress(0)
	queue := make(chan File, len(files))
	for _, f := range files {
		queue <- f
	}
	close(queue)
	workers := p.o.Parallel
	if workers == 0 {
		workers = parallelism
	}
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for f := range queue {
				if ctx.Err() != nil {
					return
				}
				if err := p.file(ctx, f); err != nil {
					cancel(err)
				}
			}
		})
	}
	wait.Wait()
	return context.Cause(ctx)
}

// progress adds to the bytes that are there.
func (p *pull) progress(n int64) {
	done := p.done.Add(n)
	if p.o.Progress != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.o.Progress(done, p.total, p.before.Load())
	}
}

func (p *pull) notice(format string, args ...any) {
	if p.o.Notice != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.o.Notice(fmt.Sprintf(format, args...))
	}
}

// file fetches a file's blob, where it is not there, and links to it.
func (p *pull) file(ctx context.Context, f File) error {
	link := filepath.Join(p.snapshot(), filepath.FromSlash(f.Path))
	blob := filepath.Join(p.repo, "blobs", f.Hash)
	unlock, err := p.lock(ctx, f)
	if err != nil {
		return err
	}
	defer unlock()
	switch {
	case hasSize(blob, f.Size):
		p.before.Add(f.Size)
		p.progress(f.Size)
	case p.client.Copies && hasSize(link, f.Size): // by another program, which moved it there
		p.before.Add(f.Size)
		p.progress(f.Size)
		return nil
	default:
		if err := p.fetch(ctx, f, blob); err != nil {
			return err
		}
	}
	return p.link(f, blob, link)
}

// hasSize says that there is a file of this size, or a link to one.
func hasSize(path string, size int64) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

// link puts the file into the snapshot.
func (p *pull) link(f File, blob, link string) error {
	if err := os.MkdirAll(filepath.Dir(link), 0o777); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	target := strings.Repeat("../", 2+strings.Count(f.Path, "/")) + "blobs/" + f.Hash
	if now, err := os.Readlink(link); err == nil && filepath.ToSlash(now) == target && !p.client.Copies {
		return nil
	}
	temp := link + ".inkstone-link"
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("hub: %w", err)
	}
	if !p.client.Copies && os.Symlink(filepath.FromSlash(target), temp) == nil || os.Link(blob, temp) == nil {
		return wrap(os.Rename(temp, link))
	}
	return copyFile(blob, link) // a disk that knows neither kind of link
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	defer in.Close()
	return format.WriteFile(to, func(w io.Writer) error { _, err := io.Copy(w, in); return err })
}

// finish notes what the commit has not, for programs that look in the cache
// alone, and lets the branch point to the commit.
func (p *pull) finish(all []File) error {
	for _, name := range companions {
		if slices.ContainsFunc(all, func(f File) bool { return f.Path == name }) {
			continue
		}
		if err := writeSmall(filepath.Join(p.repo, ".no_exist", p.commit, name), ""); err != nil {
			return err
		}
	}
	if commitHash.MatchString(p.name.Revision) {
		return nil
	}
	return writeSmall(filepath.Join(p.repo, "refs", filepath.FromSlash(p.name.Revision)), p.commit)
}

// writeSmall puts a file in place that is not there with this text.
func writeSmall(path, text string) error {
	if b, err := os.ReadFile(path); err == nil && string(b) == text {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	return format.WriteFile(path, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
}

func wrap(err error) error {
	if err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	return nil
}
