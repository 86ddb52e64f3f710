package corpus

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
)

// Shards are the tokens of one or more shard files, laid end to end. They
// are read at random with one system call a row; the pages stay in the
// system's cache, not in the process. Safe for concurrent use.
type Shards struct {
	Info  ShardInfo
	files []*os.File
	paths []string
	ends  []int64 // ends[i] is the number of ids in files 0 to i
}

// OpenShards opens shards in the given order. They must agree in tokenizer,
// vocabulary and end of text.
func OpenShards(paths ...string) (*Shards, error) {
	s := &Shards{paths: paths}
	for _, path := range paths {
		if err := s.open(path); err != nil {
			return nil, errors.Join(fmt.Errorf("corpus: %s: %w", path, err), s.Close())
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("corpus: no shard given")
	}
	return s, nil
}

func (s *Shards) open(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	s.files = append(s.files, f)
	stat, err := f.Stat()
	if err != nil {
		return err
	}
	head := make([]byte, min(shardHeader, stat.Size()))
	if _, err := io.ReadFull(f, head); err != nil {
		return err
	}
	info, count, err := parseHeader(head, stat.Size())
	if err != nil {
		return err
	}
	if len(s.files) > 1 && info != s.Info {
		return fmt.Errorf("another tokenizer, vocabulary (%d) or end of text (%d) than %s (%d, %d)",
			info.Vocab, info.End, s.paths[0], s.Info.Vocab, s.Info.End)
	}
	s.Info = info
	s.ends = append(s.ends, s.Len()+count)
	return nil
}

// Close closes the files.
func (s *Shards) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Len is the number of ids in all files.
func (s *Shards) Len() int64 {
	if len(s.ends) == 0 {
		return 0
	}
	return s.ends[len(s.ends)-1]
}

// ReadIDs reads ids from position at on, across files where they meet. An id
// outside the vocabulary is an error that names the file and the place.
func (s *Shards) ReadIDs(dst []int32, at int64) error {
	if err := inside(dst, at, s.Len()); err != nil {
		return err
	}
	i := sort.Search(len(s.ends), func(i int) bool { return s.ends[i] > at })
	for len(dst) > 0 {
		n := min(int64(len(dst)), s.ends[i]-at)
		local := at
		if i > 0 {
			local -= s.ends[i-1]
		}
		if err := s.read(i, dst[:n], local); err != nil {
			return fmt.Errorf("corpus: %s: %w", s.paths[i], err)
		}
		dst, at, i = dst[n:], at+n, i+1
	}
	return nil
}

func (s *Shards) read(i int, dst []int32, at int64) error {
	width := s.Info.width()
	raw := make([]byte, len(dst)*width)
	if _, err := s.files[i].ReadAt(raw, shardHeader+at*int64(width)); err != nil {
		return err
	}
	for j := range dst {
		id := uint32(0)
		if width == 2 {
			id = uint32(binary.LittleEndian.Uint16(raw[2*j:]))
		} else {
			id = binary.LittleEndian.Uint32(raw[4*j:])
		}
		if id >= uint32(s.Info.Vocab) {
			return fmt.Errorf("id %d at %d is not in the vocabulary of %d", id, at+int64(j), s.Info.Vocab)
		}
		dst[j] = int32(id)
	}
	return nil
}

// Digest is the SHA-256 of all ids, 4 bytes each, little-endian: a run that
// resumes compares it to know that its data is the same.
func Digest(t Tokens) ([32]byte, error) {
	h := sha256.New()
	ids, raw := make([]int32, 1<<16), make([]byte, 0, 4<<16)
	for at := int64(0); at < t.Len(); at += int64(len(ids)) {
		ids = ids[:min(int64(len(ids)), t.Len()-at)]
		if err := t.ReadIDs(ids, at); err != nil {
			return [32]byte{}, err
		}
		h.Write(appendIDs(raw[:0], ids, 4))
	}
	return [32]byte(h.Sum(nil)), nil
}
