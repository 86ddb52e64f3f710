package tokenizer

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
)

// A ChatTemplate writes conversations as text. Templates are Jinja as Hugging
// Face's transformers runs it: trim_blocks and lstrip_blocks on, the
// functions raise_exception and strftime_now, tojson as Python writes JSON,
// ranges of at most 100,000. A template cannot read files, and a mapping is not changed.
type ChatTemplate struct {
	// BOS and EOS are the tokens that begin and end a text, which many
	// templates write. LoadTemplate finds them in tokenizer_config.json.
	BOS, EOS string

	source   string
	template *exec.Template
}

// Source returns the template as it was written, for chat_template.jinja.
func (t *ChatTemplate) Source() string { return t.source }

// ParseTemplate reads a template.
func ParseTemplate(source string) (t *ChatTemplate, err error) {
	defer recoverTemplate(&err)
	if len(source) > longestTemplate {
		return nil, fmt.Errorf("tokenizer: chat template: it has %d bytes, more than %d", len(source), longestTemplate)
	}
	const name = "/chat_template.jinja"
	loader, err := loaders.NewMemoryLoader(map[string]string{name: rewriteTemplate(source)})
	if err != nil {
		return nil, fmt.Errorf("tokenizer: chat template: %w", err)
	}
	c := config.New()
	c.TrimBlocks, c.LeftStripBlocks = true, true
	e := *environment()
	e.ControlStructures = boundedStatements()
	parsed, err := exec.NewTemplate(name, c, loader, &e)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: chat template: %w", err)
	}
	return &ChatTemplate{source: source, template: parsed}, nil
}

// recoverTemplate turns a panic into an error: the library that runs
// templates works by reflection, and a template is user input.
func recoverTemplate(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("tokenizer: chat template: %v", r)
	}
}

// render is Render without its checks.
func (t *ChatTemplate) render(messages []Message, o RenderOptions) (text string, err error) {
	defer recoverTemplate(&err)
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	list := make([]any, len(messages))
	for i, m := range messages {
		list[i] = map[string]any{"role": m.Role, "content": m.Content}
	}
	variables := map[string]any{
		"messages":              list,
		"add_generation_prompt": o.AddGenerationPrompt,
		"tools":                 nil, // transformers gives these two always
		"documents":             nil,
		"bos_token":             or(o.BOS, t.BOS),
		"eos_token":             or(o.EOS, t.EOS),
		callsKey:                new(callCount),
		"strftime_now":          func(format string) string { return strftime(o.Now, format) },
	}
	for name, value := range o.Extra {
		variables[name] = value
	}
	return t.template.ExecuteToString(exec.NewContext(variables))
}

func or(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}

// environment is the library's, with transformers' functions in it.
var environment = sync.OnceValue(func() *exec.Environment {
	global := exec.EmptyContext().Update(builtins.GlobalFunctions).Update(builtins.GlobalVariables)
	global.Set("raise_exception", func(message string) (string, error) { return "", errors.New(message) })
	global.Set("range", boundedRange)
	global.Set("namespace", newNamespace)
	filters := exec.NewFilterSet(map[string]exec.FilterFunction{}).Update(builtins.Filters)
	for name, filter := range map[string]exec.FilterFunction{"tojson": filterJSON, "dictsort": filterDictSort} {
		if err := filters.Replace(name, filter); err != nil {
			panic(err) // the library has lost its filter
		}
	}
	tests := exec.NewTestSet(map[string]exec.TestFunction{}).Update(builtins.Tests)
	for name, truth := range map[string]bool{"true": true, "false": false} {
		if err := tests.Replace(name, isBool(truth)); err != nil {
			panic(err) // likewise
		}
	}
	methods := builtins.Methods
	methods.Str, methods.Dict = stringMethods(), readOnly()
	return &exec.Environment{Context: global, Filters: filters, Tests: tests, Methods: methods}
})

// isBool tests for one of the two values: a string is neither, which the
// library's own calls false.
func isBool(truth bool) exec.TestFunction {
	return func(_ *exec.Context, in *exec.Value, _ *exec.VarArgs) (bool, error) {
		return in.IsBool() && in.Bool() == truth, nil
	}
}

// maxRange is that of Jinja's sandbox, in which transformers runs templates.
const maxRange = 100_000

// boundedRange is Python's range as a list. The library's own starts a
// goroutine that never ends when a loop is left early.
func boundedRange(args ...int) ([]int, error) {
	start, stop, step := 0, 0, 1
	switch len(args) {
	case 1:
		stop = args[0]
	case 2:
		start, stop = args[0], args[1]
	case 3:
		start, stop, step = args[0], args[1], args[2]
	default:
		return nil, fmt.Errorf("range has %d arguments", len(args))
	}
	if step == 0 {
		return nil, errors.New("range: step is 0")
	}
	var list []int
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		if len(list) == maxRange {
			return nil, fmt.Errorf("range has more than %d numbers", maxRange)
		}
		list = append(list, i)
	}
	return list, nil
}

// strftime formats a time by C's letters, in English.
func strftime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		if layout, ok := layouts[format[i]]; ok {
			b.WriteString(t.Format(layout))
		} else {
			b.WriteString(format[i-1 : i+1])
		}
	}
	return b.String()
}

// layouts are Go's words for C's letters.
var layouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'd': "02", 'e': "_2", 'H': "15", 'I': "03",
	'j': "002", 'm': "01", 'M': "04", 'p': "PM", 'S': "05", 'y': "06", 'Y': "2006", 'Z': "MST", 'z': "-0700",
	'F': "2006-01-02", 'T': "15:04:05", 'D': "01/02/06", '%': "%",
}
