package inkstone_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/train"
)

// counting is a text that a small model learns by heart in a second.
const counting = "one two three four five six seven eight nine ten\n"

// small is a model for it: one block, 32 channels, bytes as tokens.
var small = inkstone.Settings{
	Depth: 1, Width: 32, Heads: 2, Context: 64, Tokenizer: "byte", Rows: 8, Steps: 100, EvalEvery: 100, CheckpointEvery: 100,
}

// trained is the folder of a model that was trained on counting, tuned that of
// one that learned to answer; both are made once.
var trained, tuned = sync.OnceValue(makeTrained), sync.OnceValue(makeTuned)

// models is where they are, removed at the end of the tests.
var models string

func TestMain(m *testing.M) {
	var err error
	if models, err = os.MkdirTemp("", "inkstone"); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	os.RemoveAll(models)
	os.Exit(code)
}

func makeTrained() string {
	book, out := filepath.Join(models, "book.txt"), filepath.Join(models, "model")
	write(book, strings.Repeat(counting, 100))
	if _, err := inkstone.Train(context.Background(), inkstone.TrainOptions{Data: []string{book}, Out: out, Settings: small}); err != nil {
		log.Fatal(err)
	}
	return out
}

func makeTuned() string {
	chats, out := filepath.Join(models, "chats.jsonl"), filepath.Join(models, "tuned")
	write(chats, strings.Repeat(`{"messages":[{"role":"user","content":"up"},{"role":"assistant","content":"down"}]}
{"messages":[{"role":"user","content":"left"},{"role":"assistant","content":"right"}]}
{"messages":[{"role":"user","content":"hot"},{"role":"assistant","content":"cold"}]}
{"messages":[{"role":"user","content":"yes"},{"role":"assistant","content":"no"}]}
`, 3))
	_, err := inkstone.Tune(context.Background(), inkstone.TuneOptions{
		Model: trained(), Data: []string{chats}, Out: out, Steps: 100, LR: 0.01,
	})
	if err != nil {
		log.Fatal(err)
	}
	return out
}

func write(path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		log.Fatal(err)
	}
}

func tempDir() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "inkstone")
	if err != nil {
		log.Fatal(err)
	}
	return dir, func() { os.RemoveAll(dir) }
}

func Example() {
	m, err := inkstone.Load(tuned(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	chat, err := m.Chat(inkstone.ChatOptions{})
	if err != nil {
		log.Fatal(err)
	}
	reply, err := chat.Say(context.Background(), "hot")
	if err != nil {
		log.Fatal(err)
	}
	for token, err := range reply.Tokens {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(token.Text)
	}
	// Output: cold
}

func ExampleTrain() {
	dir, remove := tempDir()
	defer remove()
	book := filepath.Join(dir, "book.txt")
	write(book, strings.Repeat(counting, 100))
	r, err := inkstone.Train(context.Background(), inkstone.TrainOptions{
		Data: []string{book}, // also folders and globs
		Out:  filepath.Join(dir, "model"),
		// Without settings the depth, 4, decides on everything.
		Settings: inkstone.Settings{Depth: 1, Width: 32, Heads: 2, Context: 64, Tokenizer: "byte", Rows: 8, Steps: 100},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d parameters, %d steps, held-out loss below 0.2: %v\n", r.Parameters, r.Steps, *r.Best < 0.2)
	// Output: 24768 parameters, 100 steps, held-out loss below 0.2: true
}

func ExampleLoad() {
	m, err := inkstone.Load(trained(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	fmt.Printf("%d parameters, a context of %d tokens, a vocabulary of %d\n", m.Parameters(), m.Context(), m.Tokenizer().Size())
	// Output: 24768 parameters, a context of 64 tokens, a vocabulary of 259
}

func ExampleModel_Generate() {
	m, err := inkstone.Load(trained(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	for token, err := range m.Generate(context.Background(), "one two three", inkstone.GenerateOptions{Stop: []string{" eight"}}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(token.Text)
	}
	// Output: four five six seven
}

func ExampleTune() {
	dir, remove := tempDir()
	defer remove()
	chats := filepath.Join(dir, "chats.jsonl")
	line := `{"messages":[{"role":"user","content":"Who are you?"},{"role":"assistant","content":"Tom."}]}` + "\n"
	write(chats, strings.Repeat(line, 10))
	r, err := inkstone.Tune(context.Background(), inkstone.TuneOptions{
		Model: trained(), Data: []string{chats}, Out: filepath.Join(dir, "tuned"), Steps: 60, LR: 0.01,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d steps, held-out loss below 0.1: %v\n", r.Steps, *r.Best < 0.1)
	// Output: 60 steps, held-out loss below 0.1: true
}

func ExampleModel_Chat() {
	m, err := inkstone.Load(tuned(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	chat, err := m.Chat(inkstone.ChatOptions{MaxTokens: 20, DropOldest: true})
	if err != nil {
		log.Fatal(err)
	}
	for _, question := range []string{"left", "yes"} {
		reply, err := chat.Say(context.Background(), question)
		if err != nil {
			log.Fatal(err)
		}
		for token, err := range reply.Tokens {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Print(token.Text)
		}
		fmt.Printf(" (turns dropped: %d)\n", reply.Dropped)
	}
	// Output:
	// right (turns dropped: 0)
	// no (turns dropped: 1)
}

func ExampleModel_Evaluate() {
	m, err := inkstone.Load(tuned(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	r, err := m.Evaluate(context.Background(), inkstone.EvaluateOptions{Data: []string{filepath.Join(models, "chats.jsonl")}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %.0f %% of %d\n", r.Rows[0].Name, 100*r.Rows[0].Value, r.Rows[0].Of)
	// Output: exact match: 100 % of 12
}

func ExamplePlanPreset() {
	p, err := inkstone.PlanPreset("gpt2-xl")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d parameters, %.1f GB of weights, gradients and optimizer state\n", p.Parameters, float64(p.Weights+p.Gradients+p.Optimizer)/1e9)
	// Output: 1557611200 parameters, 24.9 GB of weights, gradients and optimizer state
}

// Tuning against an adversary: each batch is gone through a second time with its
// embeddings moved to where the loss is larger.
func ExampleTune_adversarial() {
	dir, remove := tempDir()
	defer remove()
	chats := filepath.Join(dir, "chats.jsonl")
	write(chats, strings.Repeat(`{"messages":[{"role":"user","content":"up"},{"role":"assistant","content":"down"}]}
{"messages":[{"role":"user","content":"hot"},{"role":"assistant","content":"cold"}]}
`, 4))
	t, err := inkstone.Tune(context.Background(), inkstone.TuneOptions{
		Model: trained(), Data: []string{chats}, Out: filepath.Join(dir, "tuned"), Steps: 60, LR: 0.01,
		Adversarial: train.Adversary{Method: "fgm", Epsilon: 0.5},
	})
	if err != nil {
		panic(err)
	}
	m, err := inkstone.Load(t.Dir, nil)
	if err != nil {
		panic(err)
	}
	defer m.Close()
	r, err := m.Evaluate(context.Background(), inkstone.EvaluateOptions{
		Data: []string{chats}, Perturb: corpus.Perturbation{Kind: "chars", Rate: 0},
	})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s %.0f %%\n", r.Rows[0].Name, 100*r.Rows[0].Value)
	// Output: exact match 100 %
}
