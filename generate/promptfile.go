package generate

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"slices"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// A file of a prompt's cache: the line promptMagic, the length of the header as uint32, the header
// as JSON, the prompt's ids as int32, then for each page what each tensor of the cache has at its positions,
// and at the end the SHA-256 of all before it. Numbers are little-endian.
const (
	promptMagic     = "inkstone prompt cache 1\n"
	longestHeader   = 1 << 16
	fingerprintRows = 16
)

type promptHeader struct {
	Model  string `json:"model"`  // fingerprint, in hexadecimal
	Type   string `json:"type"`   // of keys and values
	Tokens int    `json:"tokens"` // of the prompt
	Rows   []int  `json:"rows"`   // bytes of a position, of each tensor
}

// data is the size of the pages, bytes that of the file.
func (h *promptHeader) data() (n int64) {
	for _, row := range h.Rows {
		n += int64(h.Tokens) * int64(row)
	}
	return n
}

func (h *promptHeader) bytes(header int) int64 {
	return int64(len(promptMagic)+4+header+sha256.Size) + 4*int64(h.Tokens) + h.data()
}

// SavePrompt reads a prompt, unless the cache has it, and writes what it then holds of it to
// a file: [Engine.RestorePrompt] brings it back, in another process too.
//
// Errors: the prompt's, as of a [Request]; a model without a window; the file's.
func (e *Engine) SavePrompt(ctx context.Context, path string, ids []int32) error {
	if e.pool == nil {
		return errors.New("generate: a model of recurrent layers has no cache of a prompt")
	}
	print, err := e.lockedFingerprint() // first, for it takes a page
	if err != nil {
		return err
	}
	if _, err := e.Run(ctx, []Request{{Prompt: ids, MaxTokens: 1}}); err != nil {
		return err
	}
	return e.savePages(path, print, ids)
}

// savePages writes what the cache has of a prompt.
func (e *Engine) savePages(path, print string, ids []int32) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errClosed
	}
	m := e.pool.find(append(slices.Clone(ids), 0)) // all of ids
	pages := m.whole
	if m.part != nil {
		pages = append(pages, m.part)
	}
	if n := len(m.whole)*pageTokens + m.rows; n < len(ids) {
		return fmt.Errorf("generate: the cache has %d tokens of the prompt of %d left, others took their memory: give it more", n, len(ids))
	}
	h := promptHeader{Model: print, Type: e.o.CacheType.String(), Tokens: len(ids), Rows: e.cache.rowBytes()}
	return format.WriteFile(path, func(w io.Writer) error { return e.writePrompt(w, &h, ids, pages) })
}

// known is how many tokens of a prompt a request would find in the cache.
func (e *Engine) known(ids []int32) int {
	if e.pool == nil {
		return 0
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	m := e.pool.find(ids)
	return len(m.whole)*pageTokens + m.rows
}

func (e *Engine) writePrompt(w io.Writer, h *promptHeader, ids []int32, pages []*page) error {
	header, err := json.Marshal(h)
	if err != nil {
		return err
	}
	sum := sha256.New()
	out := io.MultiWriter(w, sum)
	b := binary.LittleEndian.AppendUint32([]byte(promptMagic), uint32(len(header)))
	b = append(b, header...)
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	if _, err := out.Write(b); err != nil {
		return err
	}
	for i, g := range pages {
		for _, t := range e.cache.rows(g, min(pageTokens, len(ids)-i*pageTokens)) {
			b = slices.Grow(b[:0], t.Bytes())[:t.Bytes()]
			t.ReadBytes(b)
			if _, err := out.Write(b); err != nil {
				return err
			}
		}
	}
	_, err = w.Write(sum.Sum(nil))
	return err
}

// RestorePrompt puts a prompt that [Engine.SavePrompt] wrote back into the cache, as one that was
// read and is over, and returns its ids: requests that begin with them share it.
//
// Errors name the file: one that is cut off, longer or changed; of another model, type of cache or
// kind of processor; a prompt that the window or the memory that is not in use does not hold.
func (e *Engine) RestorePrompt(path string) ([]int32, error) {
	if e.pool == nil {
		return nil, errors.New("generate: a model of recurrent layers has no cache of a prompt")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("generate: prompt cache: %w", err)
	}
	defer f.Close()
	e.mu.Lock()
	defer e.mu.Unlock()
	ids, err := e.restore(f)
	if err != nil {
		return nil, fmt.Errorf("generate: prompt cache %s: %w", path, err)
	}
	return ids, nil
}

// restore checks all of the file before the cache changes.
func (e *Engine) restore(f *os.File) ([]int32, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	h, ids, err := e.readHead(bufio.NewReader(f), info.Size())
	if err != nil {
		return nil, err
	}
	if err := e.checkPrompt(h, ids); err != nil {
		return nil, err
	}
	if err := checkSum(f, info.Size()); err != nil {
		return nil, err
	}
	if _, err := f.Seek(info.Size()-h.data()-sha256.Size, io.SeekStart); err != nil {
		return nil, err
	}
	return ids, e.readPages(bufio.NewReaderSize(f, 1<<20), ids)
}

// readHead reads what stands before the pages; size is the file's.
func (e *Engine) readHead(r io.Reader, size int64) (*promptHeader, []int32, error) {
	start := make([]byte, len(promptMagic)+4)
	if _, err := io.ReadFull(r, start); err != nil || string(start[:len(promptMagic)]) != promptMagic {
		return nil, nil, errors.New("no file of a prompt's cache, or one of another version")
	}
	n := binary.LittleEndian.Uint32(start[len(promptMagic):])
	if n > longestHeader || int64(n) > size {
		return nil, nil, fmt.Errorf("a header of %d bytes", n)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, nil, fmt.Errorf("cut off in its header: %w", err)
	}
	var h promptHeader
	if err := json.Unmarshal(header, &h); err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	if h.Tokens < 1 || int64(h.Tokens) > size/4 || slices.ContainsFunc(h.Rows, func(n int) bool { return n < 1 || int64(n) > size }) {
		return nil, nil, fmt.Errorf("a header of %d tokens, rows of %v bytes in a file of %d", h.Tokens, h.Rows, size)
	}
	if want := h.bytes(int(n)); want != size {
		return nil, nil, fmt.Errorf("%d bytes, by its header %d: it is cut off or not one file", size, want)
	}
	if h.Tokens > e.o.Context { // before there is memory for them
		return nil, nil, fmt.Errorf("a prompt of %d tokens, context of %d: %w", h.Tokens, e.o.Context, ErrTooLong)
	}
	words := make([]byte, 4*h.Tokens)
	if _, err := io.ReadFull(r, words); err != nil {
		return nil, nil, fmt.Errorf("cut off in its tokens: %w", err)
	}
	ids := make([]int32, h.Tokens)
	for i := range ids {
		ids[i] = int32(binary.LittleEndian.Uint32(words[4*i:]))
	}
	return &h, ids, nil
}

// checkPrompt refuses what this engine can not take.
func (e *Engine) checkPrompt(h *promptHeader, ids []int32) error {
	if h.Type != e.o.CacheType.String() {
		return fmt.Errorf("keys and values of %s, the engine's cache has %v: ask for a cache of %[1]s, or delete the file and have it written again", h.Type, e.o.CacheType)
	}
	print, err := e.fingerprint()
	switch {
	case err != nil:
		return err
	case h.Model != print:
		return errors.New("it is of another model, or of a processor with other instructions: read the prompt again")
	case !slices.Equal(h.Rows, e.cache.rowBytes()):
		return fmt.Errorf("rows of %v bytes, the model's have %v", h.Rows, e.cache.rowBytes())
	case pagesOf(len(ids)) > e.pool.room():
		return fmt.Errorf("%d tokens do not fit the memory that is not in use, which holds %d", len(ids), e.pool.room()*pageTokens)
	}
	for i, id := range ids {
		if id < 0 || int(id) >= e.lm.Shape().Vocab {
			return fmt.Errorf("token %d at place %d, the vocabulary has %d", id, i, e.lm.Shape().Vocab)
		}
	}
	return nil
}

// checkSum compares the end of a file with the sum of all before it.
func checkSum(f *os.File, size int64) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.CopyN(sum, f, size-sha256.Size); err != nil {
		return fmt.Errorf("cut off: %w", err)
	}
	want := make([]byte, sha256.Size)
	if _, err := io.ReadFull(f, want); err != nil {
		return fmt.Errorf("cut off: %w", err)
	}
	if !bytes.Equal(sum.Sum(nil), want) {
		return errors.New("its contents have changed since it was written: the checksum differs")
	}
	return nil
}

// readPages fills pages and lists them.
func (e *Engine) readPages(r io.Reader, ids []int32) (err error) {
	t := table{pool: e.pool, claims: pagesOf(len(ids))}
	e.pool.promised += t.claims
	defer t.release()
	t.grow(len(ids))
	var b []byte
	for i, g := range t.pages {
		for _, x := range e.cache.rows(g, min(pageTokens, len(ids)-i*pageTokens)) {
			b = slices.Grow(b[:0], x.Bytes())[:x.Bytes()]
			if _, err := io.ReadFull(r, b); err != nil {
				return fmt.Errorf("cut off in its pages: %w", err)
			}
			x.WriteBytes(b)
		}
	}
	t.publish(ids, true)
	return nil
}

// rows are the first n positions of a page in every tensor that has pages.
func (c *paged) rows(g *page, n int) (all []*tensor.Tensor) {
	at := int(g.at) * pageTokens
	for _, t := range c.stored() {
		all = append(all, t.Slice(0, at, at+n))
	}
	return all
}

// rowBytes is the size of a position in each of them.
func (c *paged) rowBytes() (sizes []int) {
	for _, t := range c.stored() {
		sizes = append(sizes, t.Bytes()/t.Dim(0))
	}
	return sizes
}

// fingerprint tells models apart by what they do: it is the SHA-256 of the config, the device's name
// and the scores behind a fixed text. The text is read through the cache, which has
// its tensors from then on.
func (e *Engine) fingerprint() (string, error) {
	if e.closed {
		return "", errClosed
	}
	if e.print != "" {
		return e.print, nil
	}
	if e.pool.room() < 1 {
		return "", errors.New("all memory of the cache is in use")
	}
	shape, g := e.lm.Shape(), e.pool.take()
	defer e.pool.drop(g)
	ids := make([]int32, min(fingerprintRows, e.o.Context))
	for i := range ids {
		ids[i] = int32((i*i*7 + 3) % shape.Vocab)
	}
	e.step.Begin(e.passes)
	e.passes++
	e.pass.Set(e.step, ids, nn.Span{Rows: len(ids)})
	e.cache.begin(e.step, &e.pass, []place{{pages: []*page{g}}})
	scores := e.lm.Logits(e.lm.Forward(&e.pass)).Floats()
	config, err := json.Marshal(e.lm.Config())
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	part(sum, config)
	part(sum, []byte(e.cache.device.Name()))
	for _, x := range scores {
		sum.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(x)))
	}
	e.print = hex.EncodeToString(sum.Sum(nil))
	return e.print, nil
}

// lockedFingerprint is fingerprint between passes.
func (e *Engine) lockedFingerprint() (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.fingerprint()
}

// part adds b to a sum so that it can not be taken for a part of what follows.
func part(sum hash.Hash, b []byte) {
	sum.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(b))))
	sum.Write(b)
}
