package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const goldenFlags = "testdata/flags.golden"

// TestFlags compares the verbs and their flags with a kept list: other programs
// call them. Add to it; to take away or rename is to break those programs.
// INKSTONE_UPDATE=1 writes the list anew.
func TestFlags(t *testing.T) {
	got := list((&app{lang: english}).root())
	if os.Getenv("INKSTONE_UPDATE") != "" {
		if err := os.WriteFile(goldenFlags, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenFlags)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("verbs and flags are not those of %s (-kept +now):\n%s"+
			"if that is meant: INKSTONE_UPDATE=1 go test ./cmd/inkstone -run TestFlags", goldenFlags, diff)
	}
}

// TestFrozenFlags holds names that never change, whatever the kept list says.
func TestFrozenFlags(t *testing.T) {
	tests := []struct{ verb, flags string }{
		{"train", "data out depth config steps seed threads precision resume eval-every checkpoint-every json"},
		{"tokenizer train", "vocab out"},
		{"tokenizer encode", "tokenizer special json"},
		{"tokenizer decode", "tokenizer json"},
		{"tokenizer info", "tokenizer against json"},
		{"tune", "model data out template dry-run resume json"},
		{"generate", "model prompt max-tokens temperature seed echo top-k top-p min-p repetition-penalty stop number json"},
		{"chat", "model drop-oldest"},
		{"eval", "model data stride json"},
		{"plan", "data out depth config steps seed threads precision resume eval-every checkpoint-every preset json"},
		{"quickstart", "corpus minutes text seed json"},
	}
	root := (&app{lang: english}).root()
	for _, test := range tests {
		c, _, err := root.Find(strings.Fields(test.verb))
		if err != nil || c.CommandPath() != "inkstone "+test.verb {
			t.Errorf("there is no verb %s", test.verb)
			continue
		}
		for name := range strings.FieldsSeq(test.flags) {
			if c.Flags().Lookup(name) == nil {
				t.Errorf("%s has no --%s", test.verb, name)
			}
		}
	}
}

// list is a line for each verb and each of its flags.
func list(c *cobra.Command) string {
	var b strings.Builder
	if !slices.Contains([]string{"completion", "help"}, c.Name()) {
		fmt.Fprintln(&b, c.CommandPath())
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			short := ""
			if f.Shorthand != "" {
				short = " -" + f.Shorthand
			}
			fmt.Fprintf(&b, "  --%s%s %s = %q\n", f.Name, short, f.Value.Type(), f.DefValue)
		})
		for _, sub := range c.Commands() {
			b.WriteString(list(sub))
		}
	}
	return b.String()
}

// TestBothLanguages: a text that is the same in both was not translated, and a
// verb has the same flags and examples in both.
func TestBothLanguages(t *testing.T) {
	en, zh := (&app{lang: english}).root(), (&app{lang: chinese}).root()
	if got, want := list(zh), strings.ReplaceAll(list(en), `--lang string = "en"`, `--lang string = "zh"`); got != want {
		t.Errorf("flags differ by language:\n%s", cmp.Diff(want, got))
	}
	var compare func(x, y *cobra.Command)
	compare = func(x, y *cobra.Command) {
		if x.Short == y.Short || x.Long != "" && x.Long == y.Long {
			t.Errorf("%s: its text is the same in both languages: %s", x.CommandPath(), x.Short)
		}
		if x.Example != y.Example {
			t.Errorf("%s: examples differ by language", x.CommandPath())
		}
		x.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if other := y.LocalFlags().Lookup(f.Name); other != nil && f.Usage == other.Usage {
				t.Errorf("%s --%s: its text is the same in both languages: %s", x.CommandPath(), f.Name, f.Usage)
			}
		})
		for i, sub := range x.Commands() {
			if sub.Name() != "completion" {
				compare(sub, y.Commands()[i])
			}
		}
	}
	compare(en, zh)
}

// TestExamples parses every example line of the help: each runs but for its files.
func TestExamples(t *testing.T) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Name() == "completion" {
			return
		}
		for line := range strings.Lines(c.Example) {
			_, command, ok := strings.Cut(line, "inkstone ")
			if !ok {
				t.Errorf("%s: an example without inkstone: %s", c.CommandPath(), line)
			}
			command, _, _ = strings.Cut(command, " < ")
			checkExample(t, shellWords(command))
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit((&app{lang: english}).root())
}

func checkExample(t *testing.T, args []string) {
	t.Helper()
	c, rest, err := (&app{lang: english}).root().Find(args)
	if err == nil {
		err = c.ParseFlags(rest)
	}
	if err == nil && c.Args != nil {
		err = c.Args(c, c.Flags().Args())
	}
	if err != nil {
		t.Errorf("example %q: %v", args, err)
	}
}

// shellWords splits at blanks outside of quotes; backslashes mean nothing in it.
func shellWords(line string) (words []string) {
	var word strings.Builder
	quote, inside := rune(0), false
	for _, r := range strings.TrimSpace(line) + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, inside = r, true
		case quote == 0 && r == ' ':
			if inside || word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
			inside = false
		default:
			word.WriteRune(r)
		}
	}
	return words
}
