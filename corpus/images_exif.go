package corpus

import (
	"bytes"
	"encoding/binary"
)

// turned says whether a JPEG's camera noted that the picture is shown turned or mirrored:
// orientation, tag 0x0112 of the first directory, is there and not 1 (Exif 2.3, 4.6.4).
func turned(data []byte) bool {
	exif := exifOf(data)
	if len(exif) < 8 {
		return false
	}
	var order binary.ByteOrder = binary.BigEndian
	if exif[0] == 'I' {
		order = binary.LittleEndian
	}
	at := uint64(order.Uint32(exif[4:]))
	if at+2 > uint64(len(exif)) {
		return false
	}
	entries := exif[at+2:]
	for range order.Uint16(exif[at:]) {
		if len(entries) < 12 {
			return false
		}
		if order.Uint16(entries) == 0x0112 {
			return order.Uint16(entries[8:]) > 1
		}
		entries = entries[12:]
	}
	return false
}

// exifOf is the TIFF structure in a JPEG's segment APP1, nil: there is none.
func exifOf(data []byte) []byte {
	if len(data) < 2 || data[0] != 0xff || data[1] != 0xd8 {
		return nil
	}
	for at := 2; at+4 <= len(data) && data[at] == 0xff && data[at+1] != 0xda; { // up to the pixels
		size := int(binary.BigEndian.Uint16(data[at+2:]))
		end := min(at+2+size, len(data))
		if size < 2 {
			return nil
		}
		if exif, ok := bytes.CutPrefix(data[at+4:max(end, at+4)], []byte("Exif\x00\x00")); ok && data[at+1] == 0xe1 {
			return exif
		}
		at = end
	}
	return nil
}
