package main

import "testing"

func TestFitted(t *testing.T) {
	for _, test := range []struct {
		text  string
		width int
		want  string
	}{
		{"training 5%", 0, "░░ training 5%"},
		{"training 5%", 15, "░░ training 5%"},
		{"training 5%", 14, "training 5%"}, // the last column stays empty: some terminals break the line there
		{"training 5%", 11, "training 5"},
		{"训练 5%", 6, "训练 "},
		{"训练 5%", 4, "训"},
		{"训练 5%", 1, ""},
	} {
		if got := fitted("░░", test.text, test.width); got != test.want {
			t.Errorf("%q of %d columns: got %q, want %q", test.text, test.width, got, test.want)
		}
	}
}
