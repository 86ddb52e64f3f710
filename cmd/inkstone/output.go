package main

import "io"

// An output is standard output that remembers the first write that failed. What a verb
// prints is its result: a full disk must not take it away while the exit code says success.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if o.err == nil {
		o.err = err
	}
	return n, err
}
