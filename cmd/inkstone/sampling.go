package main

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/generate"
)

// addSamplingFlags adds what generate and chat share. bias takes what --logit-bias says.
func (a *app) addSamplingFlags(f *pflag.FlagSet, s *generate.Sampling, bias *[]string) {
	f.Float32Var(&s.Temperature, "temperature", 0, a.t("`T` divides the scores; 0: greedy, the likeliest token", "温度 `T`，除打分；0 为贪心，取最可能的词元"))
	f.IntVar(&s.TopK, "top-k", 0, a.t("keep the `K` likeliest, 0: all", "只保留最可能的 `K` 个，0 表示全部"))
	f.Float32Var(&s.Typical, "typical", 0, a.t("keep those whose information is nearest to the mean, that together have probability `P`, 0: all", "保留信息量最接近平均、合计概率达 `P` 的词元，0 表示全部"))
	f.Float32Var(&s.TopP, "top-p", 0, a.t("keep the likeliest that together have probability `P`, 0: all", "保留合计概率达 `P` 的最可能词元，0 表示全部"))
	f.Float32Var(&s.MinP, "min-p", 0, a.t("keep those at least `P` times as likely as the likeliest", "保留概率不低于最高概率 `P` 倍的词元"))
	f.Float32Var(&s.RepetitionPenalty, "repetition-penalty", 0, a.t("`R` above 1 makes tokens that were there less likely", "`R` 大于 1 时降低已出现词元的概率"))
	f.Float32Var(&s.FrequencyPenalty, "frequency-penalty", 0, a.t("subtract `X` from a token's score for each time that it was there", "词元每出现一次，其打分减 `X`"))
	f.Float32Var(&s.PresencePenalty, "presence-penalty", 0, a.t("subtract `X` from the score of tokens that were there", "已出现过的词元，打分减 `X`"))
	f.IntVar(&s.PenaltyWindow, "penalty-window", 0, a.t("penalties look back on `N` tokens, 0: all", "各项惩罚回看 `N` 个词元，0 表示全部"))
	f.Float32Var(&s.DRY.Multiplier, "dry", 0, a.t("`X` makes the next token of a repetition less likely, the longer it is the more (DRY), 0: off", "`X` 降低重复片段下一个词元的概率，片段越长降得越多（DRY），0 表示关闭"))
	f.Float32Var(&s.DRY.Base, "dry-base", 1.75, a.t("with --dry: `B` to the power of the tokens beyond the allowed length times X is subtracted", "与 --dry 合用：减去 X 乘以 `B` 的（超出允许长度的词元数）次幂"))
	f.IntVar(&s.DRY.Allowed, "dry-allowed-length", 2, a.t("with --dry: repetitions shorter than `N` tokens are free", "与 --dry 合用：短于 `N` 个词元的重复不受惩罚"))
	f.IntVar(&s.DRY.Window, "dry-penalty-last-n", -1, a.t("with --dry: look back on `N` tokens, -1: all", "与 --dry 合用：回看 `N` 个词元，-1 表示全部"))
	f.StringArrayVar(&s.DRY.Sequences, "dry-sequence-breaker", nil, a.t("with --dry: no repetition goes across `TEXT`, may be repeated; none: across anything; unset: an end of line, a colon, a quotation mark, an asterisk",
		"与 --dry 合用：重复不跨越 `TEXT`，可多次给出；none 表示可跨越一切；未给出时为换行、冒号、引号、星号"))
	f.StringArrayVar(bias, "logit-bias", nil, a.t("`ID=X` adds X to the score of token ID, -inf forbids it; may be repeated", "`ID=X` 给词元 ID 的打分加 X，-inf 表示禁用；可多次给出"))
	f.Uint64Var(&s.Seed, "seed", 0, a.t("seed `N`: same seed, same text", "种子 `N`：种子相同，文本相同"))
}

// checkSampling takes the biases in and refuses numbers out of their ranges.
func checkSampling(s *generate.Sampling, bias []string) error {
	for _, b := range bias {
		name, value, _ := strings.Cut(b, "=")
		id, err := strconv.ParseInt(name, 10, 32)
		x, err2 := strconv.ParseFloat(value, 32)
		if err != nil || err2 != nil {
			return usagef("--logit-bias %s: want ID=X, the number of a token and what is added to its score, as in 15=-2.5 or 15=-inf", b)
		}
		if s.Bias == nil {
			s.Bias = map[int32]float32{}
		}
		s.Bias[int32(id)] = float32(x)
	}
	if err := checkDRY(&s.DRY); err != nil {
		return err
	}
	if err := s.Check(); err != nil {
		return usageError{err}
	}
	if s.PenaltyWindow > 0 && (s.RepetitionPenalty == 0 || s.RepetitionPenalty == 1) && s.FrequencyPenalty == 0 && s.PresencePenalty == 0 {
		return usagef("--penalty-window is of a penalty: give --repetition-penalty, --frequency-penalty or --presence-penalty")
	}
	return nil
}

// checkDRY turns what the flags have in llama.cpp's way, -1 for all and none for nothing, into a DRY.
func checkDRY(d *generate.DRY) error {
	switch {
	case d.Multiplier == 0 && (d.Base != 1.75 || d.Allowed != 2 || d.Window != -1 || d.Sequences != nil):
		return usagef("--dry-base, --dry-allowed-length, --dry-penalty-last-n and --dry-sequence-breaker are of --dry; give it too")
	case !(d.Base >= 1):
		return usagef("--dry-base %g: want 1 or more", d.Base)
	case d.Allowed < 1:
		return usagef("--dry-allowed-length %d: want 1 or more", d.Allowed)
	case d.Window < -1 || d.Window == 0:
		return usagef("--dry-penalty-last-n %d: want a number of tokens, or -1 for all", d.Window)
	}
	d.Window = max(d.Window, 0)
	for i := len(d.Sequences) - 1; i >= 0; i-- {
		if d.Sequences[i] == "none" {
			d.Breakers = []int32{}
			if d.Sequences = d.Sequences[i+1:]; len(d.Sequences) > 0 {
				d.Breakers = nil
			}
			break
		}
	}
	return nil
}

// engineFlags say what is added to language models, how they keep their past and guess ahead.
type engineFlags struct {
	adapters         []string
	cacheType, draft string
	cacheMemory      float64 // MB
	lookup, drafts   int
}

func (a *app) addEngineFlags(f *pflag.FlagSet, e *engineFlags) {
	a.addAdapterFlag(f, &e.adapters)
	f.StringVar(&e.cacheType, "cache-type", "auto", a.t("`TYPE` of the past's keys and values: f32, f16, q8_0; auto: f32 for weights of F32, else f16", "键值缓存的类型 `TYPE`：f32、f16、q8_0；auto：权重为 F32 时用 f32，否则用 f16"))
	f.Float64Var(&e.cacheMemory, "cache-memory", 0, a.t("`MB` of keys and values, 0: a full window, or half of the free memory where that takes more", "键值缓存的内存 `MB`，0 表示整个上下文，若超过空闲内存的一半则取一半"))
	f.IntVar(&e.lookup, "lookup", 0, a.t("guess up to `N` tokens at once, as the text went on before; the text stays the same", "一次猜测至多 `N` 个词元，按文本先前的走向；文本不变"))
	f.StringVar(&e.draft, "draft-model", "", a.t("`DIR`, or a .gguf file, of a smaller model with the same tokenizer that guesses tokens", "由分词器相同的较小模型 `DIR`（或 .gguf 文件）猜测词元"))
	f.IntVar(&e.drafts, "drafts", 8, a.t("with --draft-model: guess up to `N` tokens at once", "与 --draft-model 合用：一次猜测至多 `N` 个词元"))
}

// options are how the model is loaded; drafts is set to how many tokens are guessed.
func (e *engineFlags) options(c *cobra.Command, threads int, drafts *int) (*inkstone.LoadOptions, error) {
	switch {
	case !slices.Contains([]string{"auto", "f32", "f16", "q8_0"}, e.cacheType):
		return nil, usagef("%s: --cache-type %s: want auto, f32, f16 or q8_0", c.Name(), e.cacheType)
	case !(e.cacheMemory >= 0 && e.cacheMemory < math.MaxInt64/1e6):
		return nil, usagef("%s: --cache-memory %g: want megabytes, 0 or more", c.Name(), e.cacheMemory)
	case e.lookup < 0 || e.drafts < 1:
		return nil, usagef("%s: --lookup must not be negative, --drafts must be positive", c.Name())
	case e.lookup > 0 && e.draft != "":
		return nil, usagef("%s: --lookup and --draft-model: tokens are guessed in one way, choose it", c.Name())
	case c.Flags().Changed("drafts") && e.draft == "":
		return nil, usagef("%s: --drafts is of --draft-model; --lookup N guesses without one", c.Name())
	}
	if *drafts = e.lookup; e.draft != "" {
		*drafts = e.drafts
	}
	added, err := adapters(e.adapters)
	if err != nil {
		return nil, err
	}
	return &inkstone.LoadOptions{Threads: threads, Adapters: added, CacheType: e.cacheType, CacheMemory: int64(e.cacheMemory * 1e6), Draft: e.draft}, nil
}

// Flags of generate by what they are of: tokens that are drawn, a text that is
// continued, how its past is kept, targets that are searched.
var (
	samplingFlags = []string{"temperature", "top-k", "typical", "top-p", "min-p", "repetition-penalty", "frequency-penalty", "presence-penalty",
		"penalty-window", "dry", "dry-base", "dry-allowed-length", "dry-penalty-last-n", "dry-sequence-breaker", "logit-bias", "seed", "max-tokens"}
	streamFlags = []string{"stop", "special", "echo", "logprobs", "shift", "keep", "prompt-cache"}
	pastFlags   = []string{"adapter", "cache-type", "cache-memory", "lookup", "draft-model", "drafts"}
	beamFlags   = []string{"beam", "length-penalty", "alignment"}
)
