package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// lockPoll is how often a pull that waits for another looks.
const lockPoll = 200 * time.Millisecond

// lock keeps other pulls, of this program or another of the hub's, away from a
// blob. The lock is the operating system's: it ends with the process.
func (p *pull) lock(ctx context.Context, f File) (unlock func(), err error) {
	path := filepath.Join(p.client.Cache, ".locks", p.name.folder(), f.Hash+".lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, fmt.Errorf("hub: %w", err)
	}
	l := flock.New(path, flock.SetPermissions(0o666))
	got, err := l.TryLock()
	if err == nil && !got {
		p.notice("%s is being fetched by another pull: waiting for it", f.Path)
		_, err = l.TryLockContext(ctx, lockPoll)
	}
	if err != nil {
		return nil, fmt.Errorf("hub: lock %s: %w", path, err)
	}
	return func() { _ = l.Close() }, nil
}

// A part is a file that is being fetched: what has come is on the disk and in
// the hash. It outlives attempts, and its file the process: the next pull goes
// on from there.
type part struct {
	File
	file    *os.File
	hash    hash.Hash
	have    int64
	before  int64 // of these, what was there before the pull
	resumed bool  // what was there before was not hashed as it came
}

// fetch brings a blob. The file that grows is not one of format.WriteFile, for
// it must survive: it is put in place whole, when its hash is right, all the same.
func (p *pull) fetch(ctx context.Context, f File, blob string) (err error) {
	if err := os.MkdirAll(filepath.Dir(blob), 0o777); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	t, err := openPart(f, blob+".incomplete")
	if err != nil {
		return err
	}
	t.before = t.have
	p.before.Add(t.have)
	p.progress(t.have)
	defer func() {
		if t.file != nil {
			err = errors.Join(err, wrap(t.file.Close()))
		}
	}()
	wrong := 0
	err = p.client.retry(ctx, p.notice, func() (bool, error) {
		before := t.have
		if err := p.attempt(ctx, t); err != nil {
			return t.have > before, err
		}
		if t.right() {
			return true, nil
		}
		return false, p.mismatch(t, &wrong)
	})
	if err != nil {
		return p.explain(f, err)
	}
	return p.explain(f, t.commit(blob))
}

// openPart opens what has come so far.
func openPart(f File, path string) (*part, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("hub: %w", err)
	}
	t := &part{File: f, file: file}
	if err := t.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("hub: %s: %w", path, err), file.Close())
	}
	return t, nil
}

// read hashes what is there. More than the file has is of something else.
func (t *part) read() error {
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() > t.Size {
		return t.restart()
	}
	t.begin()
	t.have, err = io.Copy(t.hash, t.file)
	t.resumed = t.have > 0
	return err
}

// begin sets the hash to that of nothing: git's begins with the size.
func (t *part) begin() {
	if t.hash = sha256.New(); !t.large() {
		t.hash = sha1.New()
		fmt.Fprintf(t.hash, "blob %d\x00", t.Size)
	}
}

// restart forgets what has come.
func (t *part) restart() error {
	t.begin()
	t.have, t.resumed = 0, false
	if err := t.file.Truncate(0); err != nil {
		return err
	}
	_, err := t.file.Seek(0, io.SeekStart)
	return err
}

// restart forgets a part, and that its bytes were there.
func (p *pull) restart(t *part) error {
	p.before.Add(-t.before)
	p.progress(-t.have)
	t.before = 0
	return t.restart()
}

func (t *part) right() bool { return hex.EncodeToString(t.hash.Sum(nil)) == t.Hash }

// commit makes the complete part the blob.
func (t *part) commit(blob string) error {
	if err := t.file.Sync(); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	path := t.file.Name()
	err := t.file.Close()
	t.file = nil
	if err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	return wrap(os.Rename(path, blob))
}

// attempt asks for what is missing and appends it.
func (p *pull) attempt(ctx context.Context, t *part) error {
	if t.have == t.Size {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answer, err := p.client.get(ctx, p.name, p.address(t.Path), t.have)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := p.position(t, answer); err != nil {
		return err
	}
	err = p.receive(t, p.client.watch(answer.Body, t.Path, cancel))
	if cause := context.Cause(ctx); cause != nil && err != nil {
		return cause
	}
	return err
}

// address is where a file is: the hub answers itself or redirects to a storage.
func (p *pull) address(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return fmt.Sprintf("%s/%s/resolve/%s/%s", p.client.Endpoint, p.name.Repo, p.commit, strings.Join(parts, "/"))
}

// position sees from where on the server answers; one that knows no ranges, or
// has not this one, makes us begin anew.
func (p *pull) position(t *part, answer *http.Response) error {
	if answer.StatusCode == http.StatusPartialContent && strings.HasPrefix(answer.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", t.have)) {
		return nil
	}
	asked := t.have
	if t.have > 0 {
		if err := p.restart(t); err != nil {
			return fmt.Errorf("hub: %w", err)
		}
	}
	if answer.StatusCode != http.StatusOK {
		return retryable{error: fmt.Errorf("hub: %s: the server does not send it from byte %d on", t.Path, asked)}
	}
	return nil
}

// receive appends the body, of which no more is taken than the file has.
func (p *pull) receive(t *part, body io.Reader) error {
	buffer := make([]byte, 256<<10)
	for {
		n, err := body.Read(buffer)
		if int64(n) > t.Size-t.have {
			return fmt.Errorf("hub: %s: the server sends more than the %d bytes of the file", t.Path, t.Size)
		}
		if _, err := t.file.Write(buffer[:n]); err != nil {
			// The hash has not these bytes: what of them is on the disk is cut off.
			return errors.Join(fmt.Errorf("hub: %w", err), t.file.Truncate(t.have))
		}
		t.hash.Write(buffer[:n])
		t.have += int64(n)
		p.fetched.Add(int64(n))
		p.progress(int64(n))
		switch {
		case t.have == t.Size:
			return nil
		case err == io.EOF:
			return retryable{error: fmt.Errorf("hub: %s: the connection ended after %d of %d bytes", t.Path, t.have, t.Size)}
		case err != nil:
			return retryable{error: fmt.Errorf("hub: %s: after %d of %d bytes: %w", t.Path, t.have, t.Size, err)}
		}
	}
}

// A watched body calls off a request whose bytes have ceased to come.
type watched struct {
	io.Reader
	timer *time.Timer
	every time.Duration
}

// watch cancels the request of body, which is called name, when nothing comes.
func (c *Client) watch(body io.Reader, name string, cancel context.CancelCauseFunc) *watched {
	timer := time.AfterFunc(c.stall, func() {
		cancel(retryable{error: fmt.Errorf("hub: %s: nothing came for %s", name, c.stall)})
	})
	return &watched{body, timer, c.stall}
}

func (w *watched) Read(b []byte) (int, error) {
	w.timer.Reset(w.every)
	defer w.timer.Stop()
	return w.Reader.Read(b)
}

// mismatch throws bytes of a wrong hash away. Where a part of them was there
// before this pull, or once, it may be the disk or the line: they are fetched anew.
func (p *pull) mismatch(t *part, wrong *int) error {
	err := fmt.Errorf("hub: %s: its bytes have the hash %x, the commit says %s", t.Path, t.hash.Sum(nil), t.Hash)
	resumed := t.resumed
	if restart := p.restart(t); restart != nil {
		return errors.Join(err, restart)
	}
	if *wrong++; *wrong > 1 && !resumed {
		return fmt.Errorf("%w: the server or something before it changes the file; nothing of it is kept", err)
	}
	p.notice("%s: wrong checksum, it is fetched anew", t.Path)
	return retryable{error: err}
}

// explain says what to do where there is no room: the disk is full, a quota is
// used up, or the disk knows no files of this size.
func (p *pull) explain(f File, err error) error {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, full) {
			return fmt.Errorf("%w: no room for %s of %d bytes: make room and pull again, which goes on from here", err, f.Path, f.Size)
		}
	}
	return err
}
