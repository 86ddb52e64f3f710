package inkstone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/model/wordvec"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// wordModel is what [Vectors] need of a model of words.
type wordModel interface {
	Config() any
	Words() []float32 // (V, C)
}

// Vectors are word vectors that can be searched: neighbours, analogies. Methods are
// called by one goroutine at a time.
type Vectors struct {
	*wordvec.Index

	path   string
	device *tensor.Device
	model  wordModel           // nil where they come from a file
	tok    tokenizer.Tokenizer // of model
}

// LoadVectors opens the folder that [TrainVectors] wrote, or a file of vectors in
// word2vec's text or binary form or in GloVe's.
//
// Errors: those of [wordvec.Open], which name file and line; a folder whose model
// has no word vectors, or whose vocabulary is another one's.
func LoadVectors(path string, o *LoadOptions) (*Vectors, error) {
	if o == nil {
		o = &LoadOptions{}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("vectors: %w", err)
	}
	if err := tensor.CheckCPU(); err != nil {
		return nil, err
	}
	v := &Vectors{path: path, device: tensor.CPU(o.Threads)}
	words := (*wordvec.Vectors)(nil)
	if info.IsDir() {
		words, err = v.openFolder()
	} else {
		words, err = wordvec.Open(path)
	}
	if err != nil {
		v.device.Close()
		return nil, err
	}
	v.Index = words.Index(v.device)
	return v, nil
}

// Close gives memory and threads back.
func (v *Vectors) Close() error {
	v.Index.Close()
	v.device.Close()
	return nil
}

// openFolder loads the model and names its rows.
func (v *Vectors) openFolder() (_ *wordvec.Vectors, err error) {
	if v.model, err = loadWords(v.path, v.device); err != nil {
		return nil, err
	}
	if v.tok, err = OpenTokenizer(v.path); err != nil {
		return nil, err
	}
	table := v.model.Words()
	width := len(table) / max(1, v.tok.Size())
	if width == 0 || width*v.tok.Size() != len(table) || width != widthOf(v.model) {
		return nil, fmt.Errorf("vectors: %s: the tokenizer has %d words, the tables are of another vocabulary", v.path, v.tok.Size())
	}
	return wordVectors(v.tok, table, width)
}

func widthOf(m wordModel) int {
	switch c := m.Config().(type) {
	case wordvec.Word2VecConfig:
		return c.Width
	case wordvec.GloVeConfig:
		return c.Width
	}
	return 0
}

// loadWords builds the model of a folder and reads its tables.
func loadWords(dir string, d *tensor.Device) (_ wordModel, err error) {
	folder, err := format.OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	built, err := model.Build(folder.Config)
	if err != nil {
		return nil, fmt.Errorf("vectors: %s: %w", dir, err)
	}
	m, ok := built.(wordModel)
	if !ok {
		return nil, fmt.Errorf("vectors: %s: a %s has no word vectors; word2vec and glove have", dir, Kind(dir))
	}
	weights, err := format.OpenWeights(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, weights.Close()) }()
	if err := model.Fill(m, weights, d); err != nil {
		return nil, fmt.Errorf("vectors: %s: %w", dir, err)
	}
	return m, nil
}

// wordVectors joins the rows of a table with their words. Blanks and special tokens
// but the unknown one are no words: nothing was learned of them.
func wordVectors(tok tokenizer.Tokenizer, table []float32, width int) (*wordvec.Vectors, error) {
	var words []string
	var rows []float32
	for id := range tok.Size() {
		b, ok := tok.Token(int32(id))
		word := string(b)
		if !ok || strings.TrimSpace(word) == "" || tok.IsSpecial(int32(id)) && word != tokenizer.Unknown {
			continue
		}
		words = append(words, word)
		rows = append(rows, table[id*width:(id+1)*width]...)
	}
	return wordvec.NewVectors(words, rows)
}

// ExportVectors writes the vectors of from, a folder or a file, to the file to; the
// form "" is the one that to's name asks for (see [wordvec.FormOf]). It returns how
// many words it wrote.
func ExportVectors(from, to string, form wordvec.Form) (words int, err error) {
	v, err := LoadVectors(from, &LoadOptions{Threads: 1})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if form == "" {
		form = wordvec.FormOf(to)
	}
	return v.Len(), format.WriteFile(to, func(w io.Writer) error { return v.Write(w, form) })
}

// ImportVectors makes a folder as [TrainVectors] writes it of a file of vectors, so
// that the verbs work on it. Its model is word2vec's with an empty output table and
// no counts: it can be searched and compared, it has no loss. It returns how many
// words it read.
//
// Errors: those of [wordvec.Open]; an out that exists as a model or can not be written.
func ImportVectors(ctx context.Context, from, out string) (words int, err error) {
	if err := vacant(out, false); err != nil {
		return 0, fmt.Errorf("vectors: %w", err)
	}
	v, err := wordvec.Open(from)
	if err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	tok, table, err := tabled(v)
	if err != nil {
		return 0, fmt.Errorf("vectors: %s: %w", from, err)
	}
	m, err := wordvec.NewWord2Vec(wordvec.Word2VecConfig{
		Architecture: wordvec.SkipGram, Vocab: tok.Size(), Width: v.Width(), Window: 5, Negatives: 5,
	})
	if err != nil {
		return 0, err
	}
	d := tensor.CPU(1)
	defer d.Close()
	for _, t := range []*tensor.Tensor{m.In.W, m.Out.W, m.Counts.W} {
		t.Bind(d)
	}
	m.In.W.WriteFloats(table)
	unlock, err := format.LockDir(out)
	if err != nil {
		return 0, fmt.Errorf("vectors: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := tokenizer.Save(tok, out); err != nil {
		return 0, err
	}
	return v.Len(), model.Save(out, m, model.Generation{})
}

// tabled makes a vocabulary of the words and a table of its rows.
func tabled(v *wordvec.Vectors) (*tokenizer.Words, []float32, error) {
	tok, err := tokenizer.WordList(v.Words(), EndOfText)
	if err != nil {
		return nil, nil, err
	}
	table := make([]float32, tok.Size()*v.Width())
	for _, word := range v.Words() {
		x, _ := v.Vector(word)
		id, _ := tok.ID(word)
		copy(table[int(id)*v.Width():], x)
	}
	return tok, table, nil
}
