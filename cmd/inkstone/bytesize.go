package main

import (
	"errors"
	"regexp"
	"strconv"
)

// byteSize is the value of a flag in bytes, which may be said in thousands, millions and so on; 0 is not given.
type byteSize struct{ n *int64 }

var byteSizePattern = regexp.MustCompile(`^(\d{1,15}(?:\.\d{1,9})?)([kKMGT]?)B?$`)

func (s *byteSize) Set(text string) error {
	m := byteSizePattern.FindStringSubmatch(text)
	if m == nil {
		return errors.New("want bytes, or a number with k, M, G or T, each a thousand times the one before: 500M, 2G")
	}
	x, _ := strconv.ParseFloat(m[1], 64) // of digits, which the pattern has seen
	x *= map[string]float64{"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}[m[2]]
	if x < 1 || x > 1e18 {
		return errors.New("want from 1 byte to 1000000 T")
	}
	*s.n = int64(x)
	return nil
}

func (s *byteSize) String() string {
	if s.n == nil || *s.n == 0 { // pflag asks a zero value too
		return ""
	}
	return strconv.FormatInt(*s.n, 10)
}

func (s *byteSize) Type() string { return "size" }
