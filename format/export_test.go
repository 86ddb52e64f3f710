package format

import "io"

// Disk and DiskFile let the tests stand between WriteFile and the system.
type (
	Disk     = disk
	DiskFile = diskFile
)

// OSDisk is the disk that WriteFile uses outside of tests.
type OSDisk = osDisk

// SetDisk makes WriteFile use d until the returned function is called.
func SetDisk(d Disk) (restore func()) {
	before := theDisk
	theDisk = d
	return func() { theDisk = before }
}

// Revive lets files be written after [Abandon] as before.
func Revive() { pending.ended, pending.temps, pending.folders = false, nil, nil }

// TempSuffix ends the names of incomplete files.
const TempSuffix = tempSuffix

// Encode is WriteSafetensors without a file.
func Encode(w io.Writer, metadata map[string]string, tensors []Tensor) error {
	return encode(w, metadata, tensors, func(t Tensor) ([]byte, error) { return t.Data, nil })
}

// EncodeGGUF is WriteGGUF without a file.
func EncodeGGUF(w io.Writer, meta Metadata, tensors []Tensor) error {
	return encodeGGUF(w, withVersion(meta, tensors), tensors, nil)
}

// ParseGGUF reads one shard by itself.
func ParseGGUF(file []byte) (meta Metadata, tensors int, err error) {
	h, err := parseGGUF(file)
	if err != nil {
		return nil, 0, err
	}
	return h.meta, len(h.tensors), nil
}
