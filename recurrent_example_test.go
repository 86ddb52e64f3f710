package inkstone_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/inkstone-ai/inkstone"
)

// A small LSTM reads the text along eight streams, learns to count, and counts on for
// longer than back-propagation ever looked: it has a state instead of a window.
func ExampleTrain_recurrent() {
	dir, err := os.MkdirTemp("", "lstm")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	book := filepath.Join(dir, "book.txt")
	write(book, strings.Repeat(counting, 200))

	trained, err := inkstone.Train(context.Background(), inkstone.TrainOptions{
		Data: []string{book}, Out: filepath.Join(dir, "model"),
		Settings: inkstone.Settings{Model: "lstm", Depth: 1, Width: 48, Context: 16, Rows: 8, Tokenizer: "char", Steps: 300, LR: 0.01},
	})
	if err != nil {
		log.Fatal(err)
	}
	m, err := inkstone.Load(trained.Dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	for token, err := range m.Generate(context.Background(), "one two three", inkstone.GenerateOptions{MaxTokens: 84}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(token.Text)
	}
	// Output:
	//  four five six seven eight nine ten
	// one two three four five six seven eight nine ten
}
