package corpus_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/corpus/world"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

func TestConversations(t *testing.T) {
	text := `{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"},{"role":"assistant","content":"你好"}],"id":3}

{"messages":[{"role":"user","content":"A"},{"role":"assistant","content":"B"}]}`
	dir := write(t, map[string]string{"a.jsonl": text})
	file := filepath.Join(dir, "a.jsonl")
	got, err := corpus.Conversations(nil, file)
	if err != nil {
		t.Fatal(err)
	}
	want := []corpus.Conversation{
		{File: file, Line: 1, Messages: []tokenizer.Message{{Role: "system", Content: "Be brief."}, {Role: "user", Content: "Hi"}, {Role: "assistant", Content: "你好"}}},
		{File: file, Line: 3, Messages: []tokenizer.Message{{Role: "user", Content: "A"}, {Role: "assistant", Content: "B"}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	piped, err := corpus.Conversations(strings.NewReader(text), "-")
	if err != nil || len(piped) != 2 || piped[1].File != "-" {
		t.Errorf("standard input: %v, %v", piped, err)
	}
}

// TestWorldItems: items of the little world, written as JSON lines, are such
// a file.
func TestWorldItems(t *testing.T) {
	items := world.New(1).HeldOut(world.Translate, world.Chinese, 20)
	var text strings.Builder
	for _, it := range items {
		line, err := json.Marshal(it)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(append(line, '\n'))
	}
	got, err := corpus.Conversations(strings.NewReader(text.String()), "-")
	if err != nil || len(got) != len(items) {
		t.Fatalf("%d conversations of %d, %v", len(got), len(items), err)
	}
	for i, c := range got {
		if c.Line != i+1 || c.Messages[0] != tokenizer.Message(items[i].Messages[0]) || c.Messages[1].Content != items[i].Answer() {
			t.Errorf("line %d: %v, want %v", c.Line, c.Messages, items[i].Messages)
		}
	}
}

func TestConversationsRefuse(t *testing.T) {
	const ok = `{"messages":[{"role":"user","content":"A"},{"role":"assistant","content":"B"}]}`
	tests := []struct{ name, line, want string }{
		{"no JSON", `messages`, "not a JSON object"},
		{"cut", ok[:30], "unexpected end"},
		{"two objects", ok + ok, "invalid character"},
		{"no messages", `{"text":"A"}`, `no "messages"`},
		{"empty", `{"messages":[]}`, `no "messages"`},
		{"no list", `{"messages":"A"}`, "messages"},
		{"no assistant", `{"messages":[{"role":"user","content":"A"}]}`, "no message of the assistant"},
		{"silent", `{"messages":[{"role":"assistant","content":""}]}`, "messages[0]: the assistant says nothing"},
		{"no role", `{"messages":[{"content":"A"}]}`, "messages[0]"},
		{"no content", `{"messages":[{"role":"user"}]}`, "messages[0]"},
		{"parts", `{"messages":[{"role":"user","content":[{"type":"text","text":"A"}]}]}`, "messages[0]"},
		{"null", `{"messages":[null]}`, "messages[0]"},
		{"role", `{"messages":[{"role":"human","content":"A"}]}`, `role "human"`},
		{"tool calls", `{"messages":[{"role":"assistant","content":"A","tool_calls":[1]}]}`, "tool_calls"},
		{"tools", `{"tools":[1],"messages":[{"role":"assistant","content":"A"}]}`, "tools"},
		{"Latin-1", "{\"messages\":[{\"role\":\"assistant\",\"content\":\"caf\xe9\"}]}", "not UTF-8"},
	}
	for _, test := range tests {
		dir := write(t, map[string]string{"bad.jsonl": ok + "\n" + test.line + "\n"})
		_, err := corpus.Conversations(nil, filepath.Join(dir, "bad.jsonl"))
		expect(t, test.name, err, "bad.jsonl: line 2: ", test.want)
	}
	dir := write(t, map[string]string{"many.jsonl": strings.Repeat("x\n", 50), "none.jsonl": "\n"})
	_, err := corpus.Conversations(nil, filepath.Join(dir, "many.jsonl"))
	expect(t, "many", err, "line 1: ", "line 10: ")
	if err != nil && strings.Contains(err.Error(), "line 11") {
		t.Errorf("more than ten lines listed: %v", err)
	}
	_, err = corpus.Conversations(nil, filepath.Join(dir, "none.jsonl"))
	expect(t, "none", err, "none.jsonl", "no conversation")
}

func FuzzParseConversation(f *testing.F) {
	f.Add([]byte(`{"messages":[{"role":"user","content":"A"},{"role":"assistant","content":"B"}]}`))
	f.Add([]byte(`{"messages":[null,{}],"tools":[]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		messages, err := corpus.ParseConversation(line)
		if err == nil && len(messages) == 0 {
			t.Error("neither messages nor an error")
		}
	})
}
