package bert_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// activations opens a folder and runs the golden pass.
func (g *golden) activations(t *testing.T, dir string, d *tensor.Device) []float32 {
	t.Helper()
	o, err := model.Open[model.Encoder](dir, d)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	var p nn.Pass
	g.pass(s, &p)
	return o.Model.Forward(&p).Floats()
}

// withArchitecture is the golden config under another architecture.
func (g *golden) withArchitecture(t *testing.T, name string) *golden {
	t.Helper()
	var c map[string]any
	if err := json.Unmarshal(g.Config, &c); err != nil {
		t.Fatal(err)
	}
	c["architectures"] = []string{name}
	other := *g
	other.Config, _ = json.Marshal(c)
	return &other
}

// TestNamesOfFiles: the files of older programs, and of an encoder saved alone,
// hold the same model.
func TestNamesOfFiles(t *testing.T) {
	g := readGolden(t, "masked")
	d := tensor.CPU(1)
	defer d.Close()
	want := g.activations(t, g.folder(t, nil), d)
	old := func(name string) string {
		return strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta").Replace(name)
	}
	testkit.SameBits(t, "gamma and beta", g.activations(t, g.folder(t, old), d), want)

	alone := func(name string) string {
		if strings.HasPrefix(name, "cls.") {
			return ""
		}
		return strings.TrimPrefix(name, "bert.")
	}
	testkit.SameBits(t, "an encoder alone", g.activations(t, g.withArchitecture(t, "BertModel").folder(t, alone), d), want)

	_, err := model.Open[model.MaskedLM](g.folder(t, alone), d)
	if err == nil || !strings.Contains(err.Error(), "not in the file: cls.predictions") {
		t.Errorf("an encoder alone as a masked language model: %v", err)
	}
	_, err = model.Open[model.Encoder](g.withArchitecture(t, "BertModel").folder(t, nil), d)
	if err == nil || !strings.Contains(err.Error(), "it should be BertForMaskedLM") {
		t.Errorf("a head that the config does not name: %v", err)
	}
}

// TestWhatPublishedFilesHoldBeside: positions, a pooler, a head of next
// sentences and the head that is tied to the embedding are known.
func TestWhatPublishedFilesHoldBeside(t *testing.T) {
	g := readGolden(t, "masked")
	d := tensor.CPU(1)
	defer d.Close()
	var tensors []format.Tensor
	add := func(name string, x []float32, shape ...int) {
		tensors = append(tensors, format.FromF32(name, x, shape...))
	}
	for name, w := range g.Weights {
		add(name, w, g.Shapes[name]...)
	}
	C, V := 12, 23
	add("bert.embeddings.position_ids", make([]float32, 12), 1, 12)
	add("bert.pooler.dense.weight", make([]float32, C*C), C, C)
	add("bert.pooler.dense.bias", make([]float32, C), C)
	add("cls.seq_relationship.weight", make([]float32, 2*C), 2, C)
	add("cls.predictions.decoder.weight", g.Weights["bert.embeddings.word_embeddings.weight"], V, C)
	add("cls.predictions.decoder.bias", g.Weights["cls.predictions.bias"], V)
	pretraining := g.withArchitecture(t, "BertForPreTraining")
	testkit.SameBits(t, "a published file", g.activations(t, writeFolder(t, pretraining.Config, tensors), d), g.activations(t, g.folder(t, nil), d))

	tensors[len(tensors)-2] = format.FromF32("cls.predictions.decoder.weight", make([]float32, V*C), V, C)
	if _, err := model.Open[model.Encoder](writeFolder(t, g.Config, tensors), d); err == nil || !strings.Contains(err.Error(), "differs from") {
		t.Errorf("a head that is not the embedding: %v", err)
	}
}

// TestSaveAndOpen: every head comes back bit for bit, and under the names of the
// golden file, which are Hugging Face's.
func TestSaveAndOpen(t *testing.T) {
	each(t, func(t *testing.T, g *golden, d *tensor.Device) {
		m, dir := g.trainable(t, d), t.TempDir()
		if err := model.SaveEncoder(dir, m); err != nil {
			t.Fatal(err)
		}
		w, err := format.OpenWeights(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range w.Names() {
			if _, ok := g.Weights[name]; !ok {
				t.Errorf("the file has %s", name)
			}
		}
		if n := len(w.Names()); n != len(g.Weights) {
			t.Errorf("the file has %d tensors, want %d", n, len(g.Weights))
		}
		w.Close()
		testkit.SameBits(t, "activations", g.activations(t, dir, d), g.activations(t, g.folder(t, nil), d))
		o, err := model.Open[*bert.BERT](dir, d)
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		if o.Model.Task() != m.Task() || o.Type != "bert" {
			t.Errorf("saved as %s, opened as %s", m.Task(), o.Model.Task())
		}
	})
}

// TestLabelsThatAreNotWritten: Hugging Face leaves the two labels that a classifier has by
// default out of its files.
func TestLabelsThatAreNotWritten(t *testing.T) {
	base := `{"model_type":"bert","vocab_size":9,"hidden_size":4,"num_hidden_layers":1,"num_attention_heads":2,"max_position_embeddings":8,"architectures":["%s"]%s}`
	for _, tt := range []struct {
		task  bert.Task
		extra string
		want  int
	}{
		{bert.Sequences, "", 2}, {bert.Tokens, "", 2}, {bert.Sequences, `,"num_labels":3`, 3}, {bert.Sequences, `,"id2label":{"0":"LABEL_0"}`, 1},
	} {
		m, err := model.Build(fmt.Appendf(nil, base, tt.task, tt.extra))
		if err != nil {
			t.Fatal(err)
		}
		b := m.(*bert.BERT)
		c := b.Config().(bert.Config)
		if got := b.Classifier.W.Dim(0); got != tt.want || c.Label(tt.want-1) != fmt.Sprintf("LABEL_%d", tt.want-1) {
			t.Errorf("%s%s: %d outputs named %v, want %d", tt.task, tt.extra, got, c.Names, tt.want)
		}
	}
}

// FuzzConfig looks for a config.json that panics.
func FuzzConfig(f *testing.F) {
	f.Add(`{"model_type":"bert","vocab_size":9,"hidden_size":4,"num_hidden_layers":1,"num_attention_heads":2,"max_position_embeddings":8}`)
	f.Add(`{"model_type":"bert","architectures":["BertForTokenClassification"],"id2label":{"0":"O","1":"X"},"vocab_size":9,"hidden_size":4,"num_hidden_layers":1,"num_attention_heads":2,"max_position_embeddings":8}`)
	f.Fuzz(func(t *testing.T, config string) {
		if m, err := model.Build([]byte(config)); err == nil && model.Parameters(m) < 1 {
			t.Errorf("a model without parameters from %s", config)
		}
	})
}

func TestConfigErrors(t *testing.T) {
	base := `"vocab_size":9,"hidden_size":4,"num_hidden_layers":1,"num_attention_heads":2,"max_position_embeddings":8`
	for extra, says := range map[string]string{
		`,"num_attention_heads":3`:                   "not a multiple",
		`,"vocab_size":0`:                            "vocab_size is 0",
		`,"num_hidden_layers":99999999`:              "num_hidden_layers",
		`,"hidden_act":"relu"`:                       `hidden_act "relu"`,
		`,"position_embedding_type":"relative_key"`:  "relative_key",
		`,"is_decoder":true`:                         "is_decoder",
		`,"tie_word_embeddings":false`:               "tie_word_embeddings",
		`,"architectures":["BertForMultipleChoice"]`: "BertForMultipleChoice",
		`,"hidden_dropout_prob":1`:                   "hidden_dropout_prob",
		`,"layer_norm_eps":-1`:                       "layer_norm_eps",
		`,"architectures":["BertForSequenceClassification"],"problem_type":"multi_label_classification"`: "multi_label_classification",
		`,"architectures":["BertForTokenClassification"],"id2label":{"0":"O","2":"X"}`:                   "id2label has no label 1",
	} {
		if _, err := model.Build([]byte(`{"model_type":"bert",` + base + extra + `}`)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", extra, err, says)
		}
	}
	if _, err := model.BuildLM([]byte(`{"model_type":"bert",` + base + `}`)); err == nil || !strings.Contains(err.Error(), "no language model") {
		t.Errorf("a BERT as a language model: %v", err)
	}
}
