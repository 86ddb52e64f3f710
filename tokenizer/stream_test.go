package tokenizer_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// TestStream feeds texts byte by byte, the hardest way: whatever is valid
// comes out in whole characters, and all of it comes out.
func TestStream(t *testing.T) {
	b := must(tokenizer.NewByte())
	for _, s := range samples {
		stream := tokenizer.NewStream(b)
		var got strings.Builder
		for _, id := range b.Encode(s) {
			part := stream.Next(id)
			if utf8.ValidString(s) && !utf8.ValidString(part) {
				t.Fatalf("%q: Next gave half a character: %q", s, part)
			}
			got.WriteString(part)
		}
		if rest := stream.Flush(); rest != "" && utf8.ValidString(s) {
			t.Errorf("%q: Flush has %q", s, rest)
		} else {
			got.WriteString(rest)
		}
		if got.String() != s {
			t.Errorf("got %q, want %q", got.String(), s)
		}
	}
}

func TestStreamHoldsBack(t *testing.T) {
	stream := tokenizer.NewStream(must(tokenizer.NewByte()))
	tests := []struct {
		id   int32
		want string
	}{
		{'a', "a"}, {0xe4, ""}, {0xb8, ""}, {0xad, "中"}, {0x80, "\x80"},
		{0xf0, ""}, {0x9f, ""}, {'b', "\xf0\x9fb"}, {0xc3, ""}, {999, "\xc3\uFFFD"}, {0xe4, ""},
	}
	for i, tt := range tests {
		if got := stream.Next(tt.id); got != tt.want {
			t.Errorf("id %d (number %d): got %q, want %q", tt.id, i, got, tt.want)
		}
	}
	if got := stream.Flush(); got != "\xe4" {
		t.Errorf("Flush: got %q, want the first byte", got)
	}
	if got := stream.Flush(); got != "" {
		t.Errorf("second Flush: got %q", got)
	}
}

func FuzzStream(f *testing.F) {
	b := small(f, tokenizer.GPT2)
	f.Add([]byte("\xe4\xb8\xadx"))
	f.Fuzz(func(t *testing.T, ids []byte) {
		stream, all := tokenizer.NewStream(b), []int32{}
		got := ""
		for i, id := range ids {
			all = append(all, int32(id)+int32(i%2)*140)
			got += stream.Next(all[i])
		}
		if got += stream.Flush(); got != b.Decode(all) {
			t.Errorf("got %q, want %q", got, b.Decode(all))
		}
	})
}
