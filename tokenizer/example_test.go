package tokenizer_test

import (
	"fmt"
	"slices"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// Learn a vocabulary from texts and use it.
func ExampleTrainBPE() {
	texts := []string{"low low low low lower lower newest newest newest newest newest newest widest widest widest"}
	tok, err := tokenizer.TrainBPE(slices.Values(texts), tokenizer.TrainOptions{
		Vocab:   256 + 5 + 1,
		Special: []string{"<|endoftext|>"},
	})
	if err != nil {
		panic(err)
	}
	for id := int32(256); int(id) < tok.Size(); id++ {
		token, _ := tok.Token(id)
		fmt.Printf("%d %q\n", id, token)
	}
	ids := tok.Encode("the lowest")
	fmt.Println(ids, tok.Decode(ids))
	// Output:
	// 256 "es"
	// 257 "est"
	// 258 " n"
	// 259 "ew"
	// 260 "lo"
	// 261 "<|endoftext|>"
	// [116 104 101 32 260 119 257] the lowest
}

// A character of Chinese or an emoji is several bytes, which may be several
// tokens. A Stream shows it when it is whole.
func ExampleStream() {
	tok, err := tokenizer.NewByte()
	if err != nil {
		panic(err)
	}
	stream := tokenizer.NewStream(tok)
	for _, id := range tok.Encode("好a") {
		fmt.Printf("%q ", stream.Next(id))
	}
	fmt.Printf("%q\n", stream.Flush())
	// Output: "" "" "好" "a" ""
}

// A template writes a conversation; what the assistant says is learned.
func ExampleChatTemplate_RenderIDs() {
	tok, err := tokenizer.NewByte(tokenizer.ChatMLSpecial...)
	if err != nil {
		panic(err)
	}
	template, err := tokenizer.ParseTemplate(tokenizer.ChatML)
	if err != nil {
		panic(err)
	}
	ids, mask, err := template.RenderIDs(tok, []tokenizer.Message{
		{Role: "user", Content: "Where is Tom?"},
		{Role: "assistant", Content: "In the kitchen."},
	})
	if err != nil {
		panic(err)
	}
	var learned []int32
	for i, id := range ids {
		if mask[i] {
			learned = append(learned, id)
		}
	}
	fmt.Println(tok.Decode(learned))
	// Output: In the kitchen.<|im_end|>
}

// A file may put tokens around each text; encoding adds none on its own.
func ExampleFramed() {
	tok, err := tokenizer.Parse([]byte(`{
		"added_tokens": [{"id": 0, "content": "[CLS]", "special": true}, {"id": 1, "content": "[SEP]", "special": true}],
		"pre_tokenizer": {"type": "Whitespace"},
		"post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 0], "sep": ["[SEP]", 1]},
		"model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[CLS]": 0, "[SEP]": 1, "[UNK]": 2, "the": 3, "ink": 4}}}`))
	if err != nil {
		panic(err)
	}
	ids := tok.Encode("the ink")
	fmt.Println(ids, tokenizer.Framed(tok, ids))
	// Output: [3 4] [0 3 4 1]
}

// Chinese has no blanks, so a list of words makes better pieces than runs of
// signs; the pattern is written into the tokenizer's file.
func ExampleRegexp() {
	words, err := tokenizer.Regexp(`厨房|花园|苹果`)
	if err != nil {
		panic(err)
	}
	split := tokenizer.Sequence(words, tokenizer.GPT2)
	split.Pieces("小明在厨房里, ok", func(piece string) { fmt.Printf("%q ", piece) })
	// Output: "小明在" "厨房" "里" "," " ok"
}
