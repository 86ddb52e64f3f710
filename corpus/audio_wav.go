package corpus

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/go-audio/audio"
	"github.com/go-audio/riff"
	"github.com/go-audio/wav"
)

// A recording is a WAV file's sound, mixed to one channel.
type recording struct {
	rate, channels int
	samples        []float32
}

// Codes of sample formats in WAV files.
const (
	wavPCM        = 1
	wavExtensible = 0xFFFE // the code proper follows in the same chunk
)

var wavFormats = map[uint16]string{2: "Microsoft ADPCM", 3: "floating point", 6: "A-law", 7: "µ-law", 0x11: "IMA ADPCM", 0x50: "MPEG", 0x55: "MP3"}

// decodeWAV reads a file whole. The library reads what is there of a file that is cut off,
// takes the byte that pads an odd chunk for a sample, and allocates what a header asks for:
// so the chunks are looked over first.
func decodeWAV(data []byte) (recording, error) {
	size, err := lookOver(data)
	if err != nil {
		return recording{}, err
	}
	d := wav.NewDecoder(bytes.NewReader(data))
	if err := d.FwdToPCM(); err != nil || d.Err() != nil {
		return recording{}, errors.Join(err, d.Err())
	}
	width := int(d.BitDepth+7) / 8
	frame := width * int(d.NumChans)
	switch {
	case d.NumChans < 1 || d.SampleRate < 1 || d.SampleRate > 1<<30:
		return recording{}, fmt.Errorf("a WAV file of %d channels and %d samples a second", d.NumChans, d.SampleRate)
	case d.BitDepth != 8 && d.BitDepth != 16 && d.BitDepth != 24 && d.BitDepth != 32:
		return recording{}, fmt.Errorf("a WAV file with samples of %d bits: 8, 16, 24 and 32 are read", d.BitDepth)
	case size%frame != 0:
		return recording{}, fmt.Errorf("a WAV file that is cut off: %d bytes of sound in frames of %d", size, frame)
	case size == 0:
		return recording{}, errors.New("a WAV file without a sample")
	}
	buffer := &audio.IntBuffer{Data: make([]int, size/width)}
	if n, err := d.PCMBuffer(buffer); err != nil || n != len(buffer.Data) {
		return recording{}, errors.Join(fmt.Errorf("%d of %d samples could be read", n, len(buffer.Data)), err)
	}
	return recording{int(d.SampleRate), int(d.NumChans), mix(buffer.Data, int(d.NumChans), int(d.BitDepth))}, nil
}

// lookOver checks a WAV file's chunks up to its sound and returns the sound's bytes.
func lookOver(data []byte) (sound int, err error) {
	if len(data) < 12 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WAVE" {
		return 0, errors.New("no WAV file: it does not begin with RIFF and WAVE")
	}
	in := bytes.NewReader(data)
	p := riff.New(in)
	if err := p.ParseHeaders(); err != nil {
		return 0, err
	}
	format := false
	for {
		if in.Len() < 8 {
			return 0, errors.New("a WAV file that is cut off before its sound")
		}
		chunk, err := p.NextChunk()
		if err != nil {
			return 0, err
		}
		at := len(data) - in.Len()
		size := int(binary.LittleEndian.Uint32(data[at-4:])) // chunk.Size counts the padding too
		if at+size > len(data) {
			return 0, fmt.Errorf("a WAV file that is cut off: its %q chunk has %d bytes, of which %d are there", chunk.ID[:], size, len(data)-at)
		}
		switch {
		case chunk.ID == riff.FmtID:
			if err := checkFormat(data[at : at+size]); err != nil {
				return 0, err
			}
			format = true
		case chunk.ID == riff.DataFormatID && !format:
			return 0, errors.New("a WAV file that does not say its format before its sound")
		case chunk.ID == riff.DataFormatID:
			return size, nil
		}
		chunk.Drain()
	}
}

// checkFormat refuses a format chunk of anything but integers.
func checkFormat(b []byte) error {
	if len(b) < 16 {
		return fmt.Errorf("a WAV file whose format has %d bytes, want 16", len(b))
	}
	code := binary.LittleEndian.Uint16(b)
	if code == wavExtensible && len(b) >= 26 {
		code = binary.LittleEndian.Uint16(b[24:])
	}
	if code == wavPCM {
		return nil
	}
	name := wavFormats[code]
	if name == "" {
		name = fmt.Sprintf("format %#x", code)
	}
	return fmt.Errorf("a WAV file of %s samples: integers (PCM) are read; convert it", name)
}

// mix returns the mean of the channels, scaled to −1 … 1. Samples of 8 bits are unsigned.
func mix(data []int, channels, bits int) []float32 {
	offset := 0
	if bits == 8 {
		offset = 128
	}
	scale := 1 / (float64(channels) * float64(int64(1)<<(bits-1)))
	samples := make([]float32, len(data)/channels)
	for i := range samples {
		sum := 0
		for _, v := range data[i*channels : (i+1)*channels] {
			sum += v - offset
		}
		samples[i] = float32(float64(sum) * scale)
	}
	return samples
}
