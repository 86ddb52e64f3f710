package train

import (
	"bytes"
	_ "embed" // the study's table
	"encoding/json"
	"fmt"
	"sync"
)

// A Trial is a pretraining run as the study of losses sees it: what is known
// before it begins, and the loss it ended with.
type Trial struct {
	Text      string `json:"text"` // its name
	Tokenizer string `json:"tokenizer"`
	Depth     int    `json:"depth"`
	Body      int64  `json:"body"`    // N, parameters without embeddings
	Tokens    int64  `json:"tokens"`  // D, of the whole run
	Updates   int    `json:"updates"` // S
	Unique    int64  `json:"unique"`  // U, tokens of the training text
	Context   int    `json:"context"` // T
	Vocab     int    `json:"vocab"`   // V

	// What the text itself is worth: nats for each held-out token by n-gram models of
	// orders 1, 2 and 3 that were fitted on the beginning of the training text.
	Unigram float64 `json:"unigram"`
	Bigram  float64 `json:"bigram"`
	Trigram float64 `json:"trigram"`
	// BytesPerToken turns nats for a token into bits for a byte; 0 where nothing is held out.
	BytesPerToken float64 `json:"bytes_per_token"`

	Loss float64 `json:"loss,omitempty"` // nats for a held-out token, of the best evaluation
}

//go:embed study.jsonl
var study []byte

// Study returns the runs that the expected loss is fitted on; docs/expected-loss.md says
// how they were made.
var Study = sync.OnceValue(func() []Trial {
	trials, err := ReadTrials(study)
	if err != nil {
		panic("train: " + err.Error()) // a file of this package
	}
	return trials
})

// ReadTrials reads JSON lines of trials; other keys of a line are not looked at.
func ReadTrials(lines []byte) (all []Trial, err error) {
	for line := range bytes.Lines(lines) {
		var t Trial
		if err := json.Unmarshal(line, &t); err != nil {
			return nil, fmt.Errorf("study: line %d: %w", len(all)+1, err)
		}
		all = append(all, t)
	}
	return all, nil
}
