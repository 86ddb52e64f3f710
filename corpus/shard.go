package corpus

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// A shard file is a header of 64 bytes and the ids, all little-endian:
//
//	offset  0  8 bytes   magic "INKSHARD"
//	        8  uint32    version, 1
//	       12  uint32    bytes of an id, 2 or 4 (unsigned)
//	       16  uint64    number of ids
//	       24  uint32    size of the vocabulary; every id is below it
//	       28  int32     id between documents, -1 for none
//	       32  32 bytes  fingerprint of the tokenizer, see Fingerprint
//	       64            the ids
const (
	shardMagic   = "INKSHARD"
	shardVersion = 1
	shardHeader  = 64
)

// ShardInfo says what the ids of a shard mean.
type ShardInfo struct {
	Tokenizer [32]byte // its Fingerprint
	Vocab     int      // number of ids it knows
	End       int32    // id between documents, or NoEnd
}

// width is the bytes of an id: two reach a vocabulary of 65,536.
func (s ShardInfo) width() int {
	if s.Vocab <= 1<<16 {
		return 2
	}
	return 4
}

func (s ShardInfo) header(count int64) []byte {
	h := append(make([]byte, 0, shardHeader), shardMagic...)
	h = binary.LittleEndian.AppendUint32(h, shardVersion)
	h = binary.LittleEndian.AppendUint32(h, uint32(s.width()))
	h = binary.LittleEndian.AppendUint64(h, uint64(count))
	h = binary.LittleEndian.AppendUint32(h, uint32(s.Vocab))
	h = binary.LittleEndian.AppendUint32(h, uint32(s.End))
	return append(h, s.Tokenizer[:]...)
}

// parseHeader checks a header against the size of its file.
func parseHeader(h []byte, size int64) (info ShardInfo, count int64, err error) {
	le := binary.LittleEndian
	switch {
	case len(h) < shardHeader:
		return info, 0, fmt.Errorf("%d bytes are no shard: its header has %d", len(h), shardHeader)
	case !bytes.HasPrefix(h, []byte(shardMagic)):
		return info, 0, fmt.Errorf("no shard: it does not begin with %s", shardMagic)
	case le.Uint32(h[8:]) != shardVersion:
		return info, 0, fmt.Errorf("shard version %d, known is %d", le.Uint32(h[8:]), shardVersion)
	case le.Uint32(h[24:]) == 0 || le.Uint32(h[24:]) > 1<<31:
		return info, 0, fmt.Errorf("vocabulary of %d", le.Uint32(h[24:]))
	}
	info = ShardInfo{[32]byte(h[32:64]), int(le.Uint32(h[24:])), int32(le.Uint32(h[28:]))}
	if width := le.Uint32(h[12:]); width != uint32(info.width()) {
		return info, 0, fmt.Errorf("ids of %d bytes for a vocabulary of %d, want %d", width, info.Vocab, info.width())
	}
	if info.End < NoEnd || int(info.End) >= info.Vocab {
		return info, 0, fmt.Errorf("end of text %d in a vocabulary of %d", info.End, info.Vocab)
	}
	said, have := le.Uint64(h[16:]), uint64(size-shardHeader)
	if have%uint64(info.width()) != 0 || said != have/uint64(info.width()) {
		return info, 0, fmt.Errorf("header says %d ids of %d bytes, the file has %d bytes after it", said, info.width(), have)
	}
	return info, int64(said), nil
}

// WriteShard writes ids to a shard at path. The file appears whole or not at
// all: it is written beside path, synced and renamed. An id outside the
// vocabulary is an error.
func WriteShard(path string, ids []int32, info ShardInfo) error {
	for i, id := range ids {
		if id < 0 || int(id) >= info.Vocab {
			return fmt.Errorf("corpus: %s: id %d at %d is not in the vocabulary of %d", path, id, i, info.Vocab)
		}
	}
	return atomically(path, func(w io.Writer) error {
		if _, err := w.Write(info.header(int64(len(ids)))); err != nil {
			return err
		}
		const chunk = 1 << 16 // ids turned into bytes at a time
		buffer := make([]byte, 0, 4*chunk)
		for len(ids) > 0 {
			n := min(chunk, len(ids))
			buffer = appendIDs(buffer[:0], ids[:n], info.width())
			if _, err := w.Write(buffer); err != nil {
				return err
			}
			ids = ids[n:]
		}
		return nil
	})
}

func appendIDs(b []byte, ids []int32, width int) []byte {
	for _, id := range ids {
		if width == 2 {
			b = binary.LittleEndian.AppendUint16(b, uint16(id))
		} else {
			b = binary.LittleEndian.AppendUint32(b, uint32(id))
		}
	}
	return b
}

// IsShard reports whether the file at path begins as a shard does.
func IsShard(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len(shardMagic))
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == shardMagic
}
