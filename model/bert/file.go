package bert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
)

// Config is the config.json of Hugging Face's BertForMaskedLM and its kin.
type Config struct {
	Architectures []string `json:"architectures"` // the head: see [Task]; absent: none
	Type          string   `json:"model_type"`    // set by New, as DType is

	Vocab      int     `json:"vocab_size"`              // V
	Context    int     `json:"max_position_embeddings"` // most tokens in a sequence
	Width      int     `json:"hidden_size"`             // C
	Layers     int     `json:"num_hidden_layers"`       // L
	Heads      int     `json:"num_attention_heads"`     // H
	Hidden     int     `json:"intermediate_size"`       // F, 0 means 4C
	Types      int     `json:"type_vocab_size"`         // segments, 0 means 2
	Activation string  `json:"hidden_act"`              // gelu, the exact one
	Eps        float32 `json:"layer_norm_eps"`
	Std        float32 `json:"initializer_range"`
	Dropout    float32 `json:"hidden_dropout_prob"`
	// AttentionDropout is kept for other programs; attention that never forms its
	// probabilities drops none of them.
	AttentionDropout float32 `json:"attention_probs_dropout_prob"`

	// Names of labels by number, and whether there are none because the one
	// output is a number ("regression").
	Names   map[string]string `json:"id2label,omitempty"`
	Numbers map[string]int    `json:"label2id,omitempty"`
	Problem string            `json:"problem_type,omitempty"`
	Count   int               `json:"num_labels,omitempty"` // of old files without names

	Pad   *int32 `json:"pad_token_id,omitempty"`
	DType string `json:"torch_dtype"`

	// Variants that are refused.
	PositionKind   string `json:"position_embedding_type,omitempty"`
	Decoder        bool   `json:"is_decoder,omitempty"`
	CrossAttention bool   `json:"add_cross_attention,omitempty"`
	Tied           *bool  `json:"tie_word_embeddings,omitempty"`
}

// A Task is what a head is for, under Hugging Face's name of the whole model.
type Task string

// The tasks, of which a model has one.
const (
	Encode    Task = "BertModel"                     // no head
	FillMask  Task = "BertForMaskedLM"               // hidden words
	Sequences Task = "BertForSequenceClassification" // a label, or a number, of a text or a pair
	Tokens    Task = "BertForTokenClassification"    // a label of each token
	Answers   Task = "BertForQuestionAnswering"      // the answer's place in a text
)

// Task is the head that the architectures name.
func (c *Config) Task() Task {
	if len(c.Architectures) == 0 {
		return Encode
	}
	return Task(c.Architectures[0])
}

// Labels is the number of outputs of a classifier, K.
func (c *Config) Labels() int { return max(1, len(c.Names)) }

// Label is the name of label k.
func (c *Config) Label(k int) string { return c.Names[strconv.Itoa(k)] }

// SetLabels names the outputs of a classifier. Of no names there is one output,
// a number.
func (c *Config) SetLabels(names []string) {
	c.Names, c.Numbers, c.Problem = map[string]string{}, map[string]int{}, "single_label_classification"
	if len(names) == 0 {
		names, c.Problem = []string{"LABEL_0"}, "regression"
	}
	for k, name := range names {
		c.Names[strconv.Itoa(k)], c.Numbers[name] = name, k
	}
}

// Regression reports whether the classifier's one output is a number.
func (c *Config) Regression() bool { return c.Task() == Sequences && c.Labels() == 1 }

// The largest dimensions that a config may ask for; a file of a few bytes must
// not ask for gigabytes.
const (
	mostLayers = 1 << 10
	mostWidth  = 1 << 20
	mostVocab  = 1 << 26
)

// complete fills in what an absent key means and refuses what does not fit.
func (c *Config) complete() error {
	c.Type, c.DType = "bert", "float32"
	c.Hidden, c.Types = or(c.Hidden, 4*c.Width), or(c.Types, 2)
	c.Activation, c.Eps, c.Std = or(c.Activation, "gelu"), or(c.Eps, 1e-12), or(c.Std, 0.02)
	if len(c.Architectures) == 0 {
		c.Architectures = []string{string(Encode)}
	}
	if c.Architectures[0] == "BertForPreTraining" { // the same with a head for sentence pairs, which Import leaves out
		c.Architectures = []string{string(FillMask)}
	}
	if !slices.Contains([]Task{Encode, FillMask, Sequences, Tokens, Answers}, c.Task()) {
		return fmt.Errorf("bert: config: the architecture %q is not supported", c.Task())
	}
	for _, d := range []struct {
		key         string
		value, most int
	}{
		{"vocab_size", c.Vocab, mostVocab}, {"max_position_embeddings", c.Context, mostVocab}, {"hidden_size", c.Width, mostWidth},
		{"num_hidden_layers", c.Layers, mostLayers}, {"num_attention_heads", c.Heads, mostWidth},
		{"intermediate_size", c.Hidden, mostWidth}, {"type_vocab_size", c.Types, mostWidth},
	} {
		if d.value < 1 || d.value > d.most {
			return fmt.Errorf("bert: config: %s is %d, want 1 to %d", d.key, d.value, d.most)
		}
	}
	if err := c.labels(); err != nil {
		return err
	}
	return c.variants()
}

// labels checks the names of a classifier's outputs. A file without any has
// "num_labels" outputs, or the two that Hugging Face does not write.
func (c *Config) labels() error {
	if c.Task() != Sequences && c.Task() != Tokens {
		return nil
	}
	if len(c.Names) == 0 {
		if c.Count = or(c.Count, 2); c.Count < 1 || c.Count > mostWidth {
			return fmt.Errorf("bert: config: num_labels is %d, want 1 to %d", c.Count, mostWidth)
		}
		c.Names = map[string]string{}
		for k := range c.Count {
			c.Names[strconv.Itoa(k)] = fmt.Sprintf("LABEL_%d", k)
		}
	}
	for k := range len(c.Names) {
		if c.Label(k) == "" {
			return fmt.Errorf("bert: config: id2label has no label %d among its %d", k, len(c.Names))
		}
	}
	return nil
}

func (c *Config) variants() error {
	switch {
	case c.Width%c.Heads != 0:
		return fmt.Errorf("bert: config: hidden_size %d is not a multiple of num_attention_heads %d", c.Width, c.Heads)
	case c.Activation != "gelu":
		return fmt.Errorf("bert: config: hidden_act %q is not supported, gelu is", c.Activation)
	case c.PositionKind != "" && c.PositionKind != "absolute":
		return fmt.Errorf("bert: config: position_embedding_type %q is not supported, absolute is", c.PositionKind)
	case c.Decoder || c.CrossAttention || c.Tied != nil && !*c.Tied:
		return fmt.Errorf("bert: config: is_decoder, add_cross_attention and tie_word_embeddings=false are not supported")
	case c.Dropout < 0 || c.Dropout >= 1:
		return fmt.Errorf("bert: config: hidden_dropout_prob %g is not in [0, 1)", c.Dropout)
	case c.Eps < 0 || c.Std < 0:
		return fmt.Errorf("bert: config: layer_norm_eps %g and initializer_range %g must not be negative", c.Eps, c.Std)
	case c.Problem == "multi_label_classification":
		return fmt.Errorf("bert: config: problem_type %q is not supported: of several labels one is said", c.Problem)
	}
	return nil
}

func or[T comparable](value, absent T) T {
	var zero T
	if value == zero {
		return absent
	}
	return value
}

// renamed are endings of names in files that were converted from TensorFlow.
var renamed = strings.NewReplacer("LayerNorm.gamma", "LayerNorm.weight", "LayerNorm.beta", "LayerNorm.bias")

// Import undoes what BERT's files are known for: norms with gamma and beta, a
// buffer of positions among the weights, a head that is stored beside the embedding
// it is tied to, no "bert." in front where the encoder was saved alone, and heads
// that this model has not (the pooler, next sentences).
func (m *BERT) Import(t format.Tensor) (format.Tensor, error) {
	t.Name = renamed.Replace(t.Name)
	for _, part := range []string{"embeddings.", "encoder.", "pooler."} {
		if strings.HasPrefix(t.Name, part) {
			t.Name = "bert." + t.Name
		}
	}
	switch {
	case t.Name == "cls.predictions.decoder.weight":
		t.Name = "bert.embeddings.word_embeddings.weight"
	case t.Name == "cls.predictions.decoder.bias":
		t.Name = "cls.predictions.bias"
	case t.Name == "bert.embeddings.position_ids", t.Name == "bert.embeddings.token_type_ids",
		strings.HasPrefix(t.Name, "cls.seq_relationship."),
		m.Pooler == nil && strings.HasPrefix(t.Name, "bert.pooler."):
		t.Name = ""
	}
	if m.Masked == nil && strings.HasPrefix(t.Name, "cls.predictions.") {
		return t, fmt.Errorf("is of a head for hidden words; the config's architecture is %s: it should be %s", m.Task(), FillMask)
	}
	return t, nil
}

var _ model.Importer = (*BERT)(nil)
