package main

import "testing"

func TestByteSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "4096": 4096, "500M": 500e6, "2G": 2e9, "1.5k": 1500, "7K": 7000, "3T": 3e12, "2GB": 2e9, "10B": 10, "999999T": 999999e12,
		"": 0, "0": 0, "-1": 0, "0.5": 0, "2GiB": 0, "2g": 0, "M": 0, "1e9": 0, "NaN": 0, "0x10": 0, "2 G": 0, "1000001T": 0, "9999999999999999": 0,
	} {
		var n int64
		if err := (&byteSize{&n}).Set(text); (err == nil) != (want > 0) || n != want {
			t.Errorf("%q: %d, %v, want %d", text, n, err, want)
		}
	}
}
