package tokenizer

// FIMSpecial are the special tokens of fill-in-the-middle, under the names of
// Qwen2.5-Coder (arXiv:2409.12186).
var FIMSpecial = []string{"<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"}

// A FIM has the ids of the special tokens by which a model fills in the middle of a
// text (Bavarian et al. 2022, arXiv:2207.14255).
type FIM struct {
	Prefix, Suffix, Middle int32
}

// fimNames are how families of models write them: Qwen2.5-Coder, StarCoder.
var fimNames = [][3]string{
	{"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},
	{"<fim_prefix>", "<fim_suffix>", "<fim_middle>"},
}

// FIMOf finds them in a tokenizer; ok is false where it has none.
func FIMOf(t Tokenizer) (f FIM, ok bool) {
	for _, names := range fimNames {
		found := 0
		for i, id := range []*int32{&f.Prefix, &f.Suffix, &f.Middle} {
			if n, ok := t.ID(names[i]); ok && t.IsSpecial(n) {
				*id = n
				found++
			}
		}
		if found == len(names) {
			return f, true
		}
	}
	return FIM{}, false
}

// Prompt puts the parts in the order prefix, suffix, middle (PSM): what follows it is
// the middle.
func (f FIM) Prompt(prefix, suffix []int32) []int32 {
	ids := make([]int32, 0, len(prefix)+len(suffix)+3)
	ids = append(append(ids, f.Prefix), prefix...)
	ids = append(append(ids, f.Suffix), suffix...)
	return append(ids, f.Middle)
}

// writeFIM sets the keys of the special tokens of fill-in-the-middle, where there are.
func (t *BPE) writeFIM(m map[string]any) {
	if f, ok := FIMOf(t); ok {
		m["tokenizer.ggml.fim_pre_token_id"] = uint32(f.Prefix)
		m["tokenizer.ggml.fim_suf_token_id"] = uint32(f.Suffix)
		m["tokenizer.ggml.fim_mid_token_id"] = uint32(f.Middle)
	}
}
