package tokenizer

import "testing"

// TestOldTables: what Hugging Face's library, 0.22 and 0.23, makes of
// characters that are newer than its tables, or have changed their category.
func TestOldTables(t *testing.T) {
	bert := func(fields string) normalizer {
		n, err := parseNormalizer([]byte(`{"type":"BertNormalizer","handle_chinese_chars":false,` + fields + `}`))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, c := range []struct {
		name          string
		change        normalizer
		text, changed string
	}{
		{"clean", bert(`"clean_text":true,"lowercase":false`), "a\u0890\u08e2\u00ad\u0378\ue000b", "a\u0890\u08e2\u0378b"},
		{"accents", bert(`"clean_text":false,"strip_accents":true,"lowercase":false`), "a\u08d4\u0898\u0301\u1734\U00011938b", "a\u08d4\u0898\U00011938b"},
		{"StripAccents", normalizerOf(t, "StripAccents"), "a\u08d4\u0898\u0301\u1cf2b", "a\u0898b"},
		{"NFKC", normalizerOf(t, "NFKC"), "\u32fe\u32ffｶﾞe\u0301", "ヲ\u32ffガé"},
		{"NFKD", normalizerOf(t, "NFKD"), "\u32ff\U00011938é", "\u32ff\U00011938e\u0301"},
		{"NFD", normalizerOf(t, "NFD"), "\U00011938é", "\U00011938e\u0301"},
	} {
		if got := c.change(c.text); got != c.changed {
			t.Errorf("%s: %+q becomes %+q, want %+q", c.name, c.text, got, c.changed)
		}
	}
	for r, want := range map[rune]bool{'\u061b': true, '\u061d': false, '\u166d': true, '\u2e42': true, '\u2e43': false, '\U000111c9': true, '$': true, '€': false} {
		if isPunctuation(r) != want {
			t.Errorf("%U is punctuation: %v, want %v", r, !want, want)
		}
	}
}

func normalizerOf(t *testing.T, name string) normalizer {
	n, err := parseNormalizer([]byte(`{"type":"` + name + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
