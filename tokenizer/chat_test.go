package tokenizer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// talk makes messages of pairs of role and content.
func talk(pairs ...string) (messages []tokenizer.Message) {
	for p := range slices.Chunk(pairs, 2) {
		messages = append(messages, tokenizer.Message{Role: p[0], Content: p[1]})
	}
	return messages
}

// TestTemplatesAgainstJinja compares with what Jinja itself renders; see
// testdata/chat.py.
func TestTemplatesAgainstJinja(t *testing.T) {
	var golden struct {
		Templates map[string]string
		Cases     []struct {
			Name     string
			Messages []tokenizer.Message
			Prompt   bool
			Extra    map[string]any
			Want     string
			Error    string
		}
	}
	testkit.Golden(t, "testdata/chat.json", &golden)
	if len(golden.Cases) < 80 {
		t.Fatalf("%d cases", len(golden.Cases))
	}
	for i, tt := range golden.Cases {
		template, err := tokenizer.ParseTemplate(golden.Templates[tt.Name])
		if err != nil {
			t.Fatalf("%s: %v", tt.Name, err)
		}
		got, err := template.Render(tt.Messages, tokenizer.RenderOptions{
			AddGenerationPrompt: tt.Prompt, BOS: "<s>", EOS: "</s>", Extra: tt.Extra,
			Now: time.Date(2026, 11, 23, 20, 29, 5, 0, time.UTC),
		})
		switch {
		case tt.Error != "":
			if err == nil || !strings.Contains(err.Error(), tt.Error) {
				t.Errorf("%s, case %d: error %v, want %q", tt.Name, i, err, tt.Error)
			}
		case err != nil:
			t.Errorf("%s, case %d: %v", tt.Name, i, err)
		case got != tt.Want:
			t.Errorf("%s, case %d (-want +got): %s", tt.Name, i, cmp.Diff(tt.Want, got))
		}
	}
}

// zephyr is a template whose end of turn is eos_token.
const zephyr = `{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + eos_token + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}`

// headers is a template that begins with bos_token and trims.
const headers = `{{ bos_token }}{% for m in messages %}{{ '<|h|>' + m.role + '<|/h|>\n\n' + m.content | trim + '<|eot|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|h|>assistant<|/h|>\n\n' }}{% endif %}`

// TestRenderIDs looks at what is to be learned as text.
func TestRenderIDs(t *testing.T) {
	tok := must(tokenizer.TrainBPE(slices.Values(samples), tokenizer.TrainOptions{Vocab: 400,
		Special: []string{"<|im_start|>", "<|im_end|>", "</s>", "<s>", "<|h|>", "<|/h|>", "<|eot|>"}}))
	two := talk("system", "Be brief.", "user", "Hi", "assistant", " Hello! ", "user", "你好", "assistant", "你好！\n")
	tests := []struct {
		name, template string
		messages       []tokenizer.Message
		want           []string
	}{
		{"ChatML", tokenizer.ChatML, two, []string{" Hello! <|im_end|>", "你好！\n<|im_end|>"}},
		{"zephyr", zephyr, two, []string{" Hello! </s>", "你好！\n</s>"}},
		{"headers", headers, two, []string{"Hello!<|eot|>", "你好！<|eot|>"}},
		{"first", tokenizer.ChatML, talk("assistant", "Welcome."), []string{"Welcome.<|im_end|>"}},
		{"empty", tokenizer.ChatML, talk("user", "?", "assistant", ""), []string{"<|im_end|>"}},
		{"same words", tokenizer.ChatML, talk("user", "assistant\nyes", "assistant", "yes"), []string{"yes<|im_end|>"}},
		{"marked", `{% for m in messages %}{% if m.role == 'assistant' %}{{ '<s>' }}{% generation %}{{ m.content + '</s>' }}{%- endgeneration -%} {% else %}{{ m.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<s>' }}{% endif %}`,
			talk("user", "Hi", "assistant", "Hello"), []string{"Hello</s>"}},
		{"no tokens", `{% for m in messages %}{{ m.role + ': ' + m.content + '\n\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}`,
			talk("user", "Hi", "assistant", "Hello"), []string{"Hello\n\n"}},
	}
	for _, tt := range tests {
		template := must(tokenizer.ParseTemplate(tt.template))
		template.BOS, template.EOS = "<s>", "</s>"
		ids, mask, err := template.RenderIDs(tok, tt.messages)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := learned(tok, ids, mask); !slices.Equal(got, tt.want) {
			t.Errorf("%s: learns %q, want %q", tt.name, got, tt.want)
		}
		text := must(template.Render(tt.messages, tokenizer.RenderOptions{}))
		if got := tok.Decode(ids); got != text {
			t.Errorf("%s: ids say %q, want %q", tt.name, got, text)
		}
	}
}

// learned joins the runs of ids that the mask has.
func learned(tok tokenizer.Tokenizer, ids []int32, mask []bool) (runs []string) {
	for i, id := range ids {
		if mask[i] && (i == 0 || !mask[i-1]) {
			runs = append(runs, "")
		}
		if mask[i] {
			runs[len(runs)-1] += tok.Decode([]int32{id})
		}
	}
	return runs
}

// TestPromptIsPrefix: what a model is asked with is what it was trained on.
func TestPromptIsPrefix(t *testing.T) {
	tok := small(t, tokenizer.GPT2, tokenizer.ChatMLSpecial...)
	template := must(tokenizer.ParseTemplate(tokenizer.ChatML))
	messages := talk("user", "Hi", "assistant", "\n Hello", "user", "  again", "assistant", "yes")
	ids, mask, err := template.RenderIDs(tok, messages)
	if err != nil {
		t.Fatal(err)
	}
	first := slices.Index(mask, true)
	prompt := must(template.PromptIDs(tok, messages[:1], tokenizer.RenderOptions{}))
	if !slices.Equal(prompt, ids[:first]) {
		t.Errorf("prompt %v, trained on %v", prompt, ids[:first])
	}
}

func TestRenderRefuses(t *testing.T) {
	tok := small(t, tokenizer.GPT2, tokenizer.ChatMLSpecial...)
	tests := []struct {
		name, template string
		messages       []tokenizer.Message
		want           string
	}{
		{"no messages", tokenizer.ChatML, nil, "there are no messages"},
		{"no role", tokenizer.ChatML, talk("user", "x", "", "y"), "message 2 has no role"},
		{"no answer", tokenizer.ChatML, talk("user", "x"), "nothing to learn"},
		{"special content", tokenizer.ChatML, talk("user", "a<|im_end|>b", "assistant", "y"), `message 1 has the special token "<|im_end|>"`},
		{"exception", `{{ raise_exception('only in pairs') }}`, talk("user", "x", "assistant", "y"), "only in pairs"},
		{"long range", `{% for i in range(100001) %}{% endfor %}`, talk("user", "x", "assistant", "y"), "range has more than 100000 numbers"},
		{"rewrites", `{% for m in messages %}{{ m.role ~ ': ' ~ (m.content if loop.last else '-') }}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}`, talk("user", "-", "assistant", "y", "user", "z"), "message 2: the template writes it otherwise"},
		{"other prompt", `{% for m in messages %}{{ m.role ~ m.content }}{% endfor %}{% if add_generation_prompt %}Bot: {% endif %}`, talk("user", "x", "assistant", "y"), "generation prompt"},
	}
	for _, tt := range tests {
		_, _, err := must(tokenizer.ParseTemplate(tt.template)).RenderIDs(tok, tt.messages)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
	for _, source := range []string{`{% if %}`, `{{ x`, `{% for m in messages %}`, `{% include '/etc/passwd' %}`, `{{ (1 if }}`} {
		c, err := tokenizer.ParseTemplate(source)
		if err == nil {
			if _, err = c.Render(talk("user", "x"), tokenizer.RenderOptions{}); err == nil {
				t.Errorf("%q is no error", source)
			}
		}
	}
}

func TestMessageJSON(t *testing.T) {
	tests := []struct{ data, want string }{
		{`{"role":"user","content":"x"}`, ""},
		{`{"role":"user","content":"x","name":null}`, ""},
		{`{"role":"user"}`, "message has no content"},
		{`{"content":"x"}`, "message has no role"},
		{`{"role":"user","content":[{"text":"x"}]}`, "content is not a string"},
		{`{"role":"user","content":"x","tool_calls":[1]}`, `the key "tool_calls"`},
		{`[1]`, "message"},
	}
	for _, tt := range tests {
		var m tokenizer.Message
		err := json.Unmarshal([]byte(tt.data), &m)
		if got := fmt.Sprint(err); tt.want == "" && err != nil || tt.want != "" && !strings.Contains(got, tt.want) {
			t.Errorf("%s: error %v, want %q", tt.data, err, tt.want)
		}
	}
}

func TestLoadTemplate(t *testing.T) {
	type files map[string]string
	tests := []struct {
		name  string
		files files
		want  string // rendered, or part of the error
	}{
		{"jinja wins", files{"chat_template.jinja": "J{{ bos_token }}", "tokenizer_config.json": `{"chat_template": "C", "bos_token": {"content": "<s>"}}`}, "J<s>"},
		{"config", files{"tokenizer_config.json": `{"chat_template": "C{{ eos_token }}", "eos_token": "</s>"}`, "chat_template.json": `{"chat_template": "L"}`}, "C</s>"},
		{"list", files{"tokenizer_config.json": `{"chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]}`}, "D"},
		{"legacy", files{"tokenizer_config.json": `{}`, "chat_template.json": `{"chat_template": "L"}`}, "L"},
		{"none", files{"tokenizer_config.json": `{"bos_token": null}`}, "has no chat template"},
		{"no default", files{"tokenizer_config.json": `{"chat_template": [{"name": "x", "template": "T"}]}`}, "named default"},
		{"broken", files{"tokenizer_config.json": `{`}, "tokenizer_config.json"},
		{"broken template", files{"chat_template.jinja": `{% if %}`}, "chat_template.jinja"},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		for name, data := range tt.files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		c, err := tokenizer.LoadTemplate(dir)
		got := fmt.Sprint(err)
		if err == nil {
			got = must(c.Render(talk("user", "x"), tokenizer.RenderOptions{}))
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if tt.name == "none" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v is not fs.ErrNotExist", tt.name, err)
		}
	}
}

// TestSaveConfig: what is written is what LoadTemplate reads.
func TestSaveConfig(t *testing.T) {
	dir := t.TempDir()
	if err := tokenizer.SaveConfig(dir, tokenizer.Config{EOS: "<|im_end|>", Template: must(tokenizer.ParseTemplate(tokenizer.ChatML))}); err != nil {
		t.Fatal(err)
	}
	c, err := tokenizer.LoadTemplate(dir)
	if err != nil {
		t.Fatal(err)
	}
	if c.Source() != tokenizer.ChatML || c.EOS != "<|im_end|>" || c.BOS != "" {
		t.Errorf("got BOS %q, EOS %q, template %q", c.BOS, c.EOS, c.Source())
	}
	if got := read(t, filepath.Join(dir, "tokenizer_config.json")); !strings.Contains(got, `"bos_token": null`) {
		t.Errorf("no token is not null: %s", got)
	}
	if err := tokenizer.SaveConfig(filepath.Join(dir, "none"), tokenizer.Config{}); err == nil {
		t.Error("a missing folder is no error")
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{tokenizer.ChatML, zephyr, headers, `{{ a[-1] if (b if c) else {'x': [1,2]} }}`, `{% set x = "{{" %}{# #}{{`, "{%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		c, err := tokenizer.ParseTemplate(source)
		if err == nil && !strings.Contains(source, "for") {
			c.Render(talk("user", "x"), tokenizer.RenderOptions{})
		}
	})
}

// TestTemplateOfStrangers: templates that would end the program, or take a minute for every 20,000 bytes.
func TestTemplateOfStrangers(t *testing.T) {
	const deep, unknown = "nested more than 100 deep", "not found"
	for _, tt := range []struct{ name, source, says string }{
		{"brackets", "{{ " + strings.Repeat("(", 20_000) + "1" + strings.Repeat(")", 20_000) + " }}", deep},
		{"open brackets", strings.Repeat("{{", 500_000), deep},
		{"an open block", "{{ 1.中", "not closed"},
		{"a number", "{{ 1.中 }}", "behind the point of a number"},
		{"conditions", "{{ " + strings.Repeat("a if b else ", 200) + "1 }}", deep},
		{"statements", strings.Repeat("{% if a %}", 40_000) + strings.Repeat("{% endif %}", 40_000), deep},
		{"long", strings.Repeat(" ", 1<<20) + " ", "it has 1048577 bytes"},
		{"macro", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "macros call each other more than 100 deep"},
		{"macros", "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}", "macros call each other"},
		{"caller", "{% set ns = namespace() %}{% macro f() %}{% set ns.c = caller %}{{ caller() }}{% endmacro %}{% call f() %}{{ ns.c() }}{% endcall %}", "macros call each other"},
		{"operators", "{% macro f() %}{{ f()" + strings.Repeat("+1", 5000) + " }}{% endmacro %}{{ f() }}", "more than 5000 words"},
		{"operators of macros", "{% macro f() %}{{ f()" + strings.Repeat("+1", 2400) + " }}{% endmacro %}{{ f() }}", "macros call each other"},
		{"itself", "{% set ns = namespace() %}{% set ns.a = [{'b': ns}] %}{{ ns }}", "has parts more than 100 deep"},
		{"lists", "{% set ns = namespace(a=[]) %}{% for i in range(90000) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a }}", "has parts more than 100 deep"},
		{"a message", "{% set m = messages[0] %}{% set m.content = messages %}{{ messages }}", "what is no namespace"},
		{"an item", "{% set messages[0] = messages %}{{ messages }}", "neither a name nor"},
		{"a call", "{% set ns = namespace() %}{% set dict(a=ns).a.b = ns %}{{ ns }}", "has parts more than 100 deep"},
		{"nothing", "{% set %}", "expected either a number"},
		{"loop", "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}", "recursive is not supported"},
		{"block", "{% block a %}{{ self.a() }}{% endblock %}", unknown},
		{"include", `{% include "/chat_template.jinja" %}`, unknown},
		{"extends", `{% extends "/chat_template.jinja" %}`, unknown},
		{"a namespace in itself", "{% set n = namespace(a=1) %}{% set n.b = n %}{{ n }}", "has parts more than 100 deep"},
		{"a namespace in itself, by others", "{% set n = namespace(a=1) %}{% set m = namespace(n=[{'x': n}]) %}{% set y = m %}{% set n.b = [y] %}{{ n }}", "has parts more than 100 deep"},
		{"an attribute of a message", "{% set messages[0].x = 1 %}", "what is no namespace"},
		{"change", `{% set x = {"a": 1} %}{% set _ = x.update({"b": 2}) %}{{ x }}`, "unknown method 'update'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := tokenizer.ParseTemplate(tt.source)
			if err == nil {
				_, err = c.Render(talk("user", "x"), tokenizer.RenderOptions{})
			}
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %.300v, want %q", err, tt.says)
			}
		})
	}
	for source, want := range map[string]string{
		strings.Repeat("{{ a }}", 100_000):                                                                                                    "",
		"{{ " + strings.Repeat("[", 90) + strings.Repeat("]", 90) + "|length }}":                                                              "1",
		"{% macro f() %}<{{ caller() }}>{% endmacro %}{% call f() %}{% set a = 1 %}{{ a }}{% endcall %}{{ f is defined }}":                    "<1>True",
		"{% set ns = namespace(a=1) %}{% set b = [ns, ns, [ns]] %}{% set ns.a = [ns.a, b|length] %}{% set c %}x{% endset %}{{ ns.a }}{{ c }}": "[1, 3]x",
		"{% macro f(n) %}{% if n %}{{ n }},{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}{{ f(1) }}":                                       "3,2,1,1,",
	} {
		c, err := tokenizer.ParseTemplate(source)
		if err != nil {
			t.Fatalf("%.40s: %.300v", source, err)
		}
		if got, err := c.Render(talk("user", "x"), tokenizer.RenderOptions{}); got != want {
			t.Errorf("%.40s: %.300v, %.40q, want %q", source, err, got, want)
		}
	}
}
