package tokenizer

// A ggufSplit says what tokenizer.ggml.pre means: patterns, each of which cuts
// the pieces of the one before.
type ggufSplit struct {
	patterns []string
	whole    bool // a piece that is a token is taken as it is
}

func (g ggufSplit) split() (Split, error) {
	var q []Split
	for _, p := range g.patterns {
		s, err := Regexp(p)
		if err != nil {
			return nil, err
		}
		q = append(q, s)
	}
	return Sequence(q...), nil
}

// Patterns that are not among the published ones with scanners, and the pieces
// that several share.
const (
	patternDigit     = `\p{N}`
	patternBloom     = ` ?[^(\s|.,!?…。，、।۔،)]+`
	patternMarksOld  = `[\p{P}\$\+<=>\^~\|]+`
	patternDeepLatin = `\s?[A-Za-z\u00B5À-ÖØ-öø-ƺƼ-ƿ\u01C4-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-\u03F5Ϸ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\u1F7Dᾀ-ᾴᾶ-ᾼ\u1FBEῂ-ῄῆ-ῌῐ-\u1FD3ῖ-\u1FDBῠ-Ῥῲ-ῴῶ-ῼ\u2102\u2107\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134\u2139\u213C-\u213F\u2145-\u2149ⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿ\uFB00-\uFB06\uFB13-\uFB17\uFF21-\uFF3A\uFF41-\uFF5A𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+`
	patternDeepMarks = `\s?[!-/:-~！-／：-～‘-‟　-。]+`
	patternDeepHan   = `[一-龥ࠀ-一가-퟿]+`
	patternSeedCoder = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternBailing   = `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`
)

// ggufSplits are the known values of tokenizer.ggml.pre, as llama.cpp reads
// them.
var ggufSplits = func() map[string]ggufSplit {
	known := map[string]ggufSplit{}
	add := func(whole bool, patterns []string, names ...string) {
		for _, name := range names {
			known[name] = ggufSplit{patterns, whole}
		}
	}
	add(false, []string{patternMarksOld, patternGPT2, `\p{N}+`, patternThree}, "default")
	add(false, []string{patternGPT2}, "gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0", "mellum", "modern-bert",
		"mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4", "jina-v1-en", "jina-v2-code", "roberta-bpe")
	add(true, []string{patternCL100K}, "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano")
	add(false, []string{patternCL100K}, "dbrx", "smaug-bpe", "glm4", "chatglm-bpe")
	add(false, []string{patternQwen2}, "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "stablelm2", "hunyuan", "megrez", "grok-2", "solar-open")
	add(false, []string{patternQwen35}, "qwen35")
	add(false, []string{patternO200K}, "gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2")
	add(true, []string{patternTekken}, "tekken")
	add(false, []string{patternDigit, patternGPT2}, "starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2")
	add(false, []string{patternMarks, patternGPT2, patternThree}, "falcon")
	add(false, []string{`[\r\n]`, patternDeepLatin, patternDeepMarks, `\s+$`, patternDeepHan, `\p{N}+`}, "deepseek-llm")
	add(false, []string{`[\r\n]`, `\s?\p{L}+`, `\s?\p{P}+`, patternDeepHan, patternDigit}, "deepseek-coder")
	add(false, []string{patternDigits3, patternHan, patternDeepSeek3}, "deepseek-v3", "hunyuan-dense", "joyai-llm")
	add(false, []string{patternBloom}, "poro-chat", "bloom", "gpt3-finnish")
	add(false, []string{patternBloom, patternDigit}, "viking")
	add(false, []string{patternSeedCoder}, "seed-coder")
	add(false, []string{patternBailing}, "bailingmoe", "bailingmoe2", "llada-moe")
	return known
}()
