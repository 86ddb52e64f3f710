package runs

import (
	"context"
	"math/rand/v2"

	"github.com/inkstone-ai/inkstone/corpus/world"
	"github.com/inkstone-ai/inkstone/generate"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// A WorldReport is what [World.Run] found.
type WorldReport struct {
	Seed       uint64     `json:"seed"`
	Parameters int        `json:"parameters"`
	Precision  string     `json:"precision"` // of products in training
	Trained    []Phase    `json:"trained"`
	Tasks      []Score    `json:"tasks"`
	Mean       float64    `json:"mean"`      // exact match over where, what-has, colour, likes, translation and Go
	Exchanges  []Exchange `json:"exchanges"` // one in each language, chosen by the seed
}

// A Score is the exact match on one held-out task, in percent, beside what needs no model.
type Score struct {
	Task         string  `json:"task"`
	Lang         string  `json:"lang"`
	Items        int     `json:"items"`
	Exact        float64 `json:"exact_match"`
	MostFrequent float64 `json:"most_frequent_answer"`
	Nearest      float64 `json:"nearest_training_item"`
	Guess        float64 `json:"fitting_fact_guessed"`
}

// An Exchange is one question of the held-out ones with the model's answer.
type Exchange struct {
	Lang    string `json:"lang"`
	Prompt  string `json:"prompt"`
	Answer  string `json:"answer"`
	Correct string `json:"correct"`
}

// answerTokens is more than the longest answer of the world takes.
const answerTokens = 64

// measure asks the held-out questions, greedily, many at once.
func (o World) measure(ctx context.Context, lm model.LM, w *world.World, t tokenizer.Tokenizer) (*WorldReport, error) {
	e, err := generate.NewEngine(lm, generate.Options{Slots: 64, Rows: 4096})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	n := o.HeldOut
	if n == 0 {
		n = 200
	}
	text := newWorldText(w, t, o.Seed, true, worldBatch, worldContext)
	baselines := o.baselines(w)
	report := &WorldReport{Seed: o.Seed}
	pick := rand.New(rand.NewPCG(o.Seed, 7))
	for i, test := range world.Tests() {
		o.Watch.tell("evaluate", float64(i)/float64(len(world.Tests())), "%s %s", test.Task, test.Lang)
		items := w.HeldOut(test.Task, test.Lang, n)
		answers, err := text.answer(ctx, e, items)
		if err != nil {
			return nil, err
		}
		report.Tasks = append(report.Tasks, baselines.score(test, items, answers))
		if test.Task == world.WherePerson {
			k := pick.IntN(n)
			report.Exchanges = append(report.Exchanges, Exchange{test.Lang, items[k].Prompt()[0].Content, answers[k], items[k].Answer()})
		}
	}
	report.Mean = report.mean()
	return report, nil
}

// answer returns the model's answer to each item.
func (s *worldText) answer(ctx context.Context, e *generate.Engine, items []world.Item) ([]string, error) {
	requests := make([]generate.Request, len(items))
	for i, it := range items {
		requests[i] = generate.Request{Prompt: s.prompt(it), MaxTokens: answerTokens, End: []int32{s.close, s.end}}
	}
	results, err := e.Run(ctx, requests)
	if err != nil {
		return nil, err
	}
	answers := make([]string, len(items))
	for i, r := range results {
		answers[i] = s.ids.Decode(r.IDs())
	}
	return answers, nil
}

// worldBaselines answer without a model.
type worldBaselines struct{ frequent, nearest, guess func(world.Item) string }

func (o World) baselines(w *world.World) worldBaselines {
	r := rand.New(rand.NewPCG(o.Seed, 3<<62))
	seen := make([]world.Item, 4000)
	for i := range seen {
		seen[i] = w.Dialogue(r)
	}
	return worldBaselines{world.MostFrequent(seen), world.Nearest(seen), world.Guess(r)}
}

func (b worldBaselines) score(test world.Test, items []world.Item, answers []string) Score {
	i := -1
	model := func(world.Item) string { i++; return answers[i] }
	return Score{
		Task: test.Task, Lang: test.Lang, Items: len(items),
		Exact:        100 * world.Exact(items, model),
		MostFrequent: 100 * world.Exact(items, b.frequent),
		Nearest:      100 * world.Exact(items, b.nearest),
		Guess:        100 * world.Exact(items, b.guess),
	}
}

// mean averages the tasks that such a model is expected to learn, a task in
// two languages counting twice; who-has and unseen pairs are printed beside.
func (r *WorldReport) mean() float64 {
	sum, n := 0.0, 0
	for _, s := range r.Tasks {
		if s.Task != world.WhoHas && s.Task != world.UnseenPair {
			sum, n = sum+s.Exact, n+1
		}
	}
	return sum / float64(n)
}
