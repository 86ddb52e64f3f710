package inkstone_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/inkstone-ai/inkstone"
)

// A small Transformer learns a few words by heart, on pairs of a source, a TAB and a
// target; a beam search finds their translations.
func ExampleTrainTranslator() {
	dir, err := os.MkdirTemp("", "translator")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	pairs := filepath.Join(dir, "pairs.tsv")
	text := "moon\t月亮\nsun\t太阳\nwater\t水\nmountain\t山\nfire\t火\nrain\t雨\nsnow\t雪\nwind\t风\n"
	if err := os.WriteFile(pairs, []byte(text), 0o666); err != nil {
		log.Fatal(err)
	}
	trained, err := inkstone.TrainTranslator(context.Background(), inkstone.TranslatorOptions{
		Data: []string{pairs}, Out: filepath.Join(dir, "model"),
		Settings: inkstone.TranslatorSettings{
			Tokenizer: "char", Width: 32, Heads: 2, Layers: 1, Rows: 7, Steps: 80, LR: 0.01, Dropout: -1, Patience: 0, EvalEvery: 80,
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	m, err := inkstone.LoadTranslator(trained.Dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	found, err := m.Translate(context.Background(), []string{"moon", "water"}, inkstone.TranslateOptions{Beam: 4, LengthPenalty: 0.6})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range found {
		fmt.Println(f.Source, f.Hypotheses[0].Text)
	}
	// Output:
	// moon 月亮
	// water 水
}
