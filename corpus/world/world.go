// Package world writes a synthetic corpus about a little world: who is where,
// who has what, who likes what, in English and in Chinese, with questions and
// answers, translations and one-line Go functions. A model of under a million
// parameters learns it in minutes on a laptop, as TinyStories (Eldan and Li
// 2023, arXiv:2305.07759) and bAbI (Weston et al. 2015, arXiv:1502.05698) led
// one to hope, and what it learnt can be judged by exact match.
//
// It is not natural language: 12 names, 10 places, 8 objects, 6 colours and 8
// foods in fixed sentences. A number reached on it says nothing about others.
//
// A [World] is a seed and holds no state that changes: what a *rand.Rand
// draws from it depends on that generator alone, so that a run which seeds one
// by its step can resume anywhere. Eight of the 48 pairs of colour and object,
// one in sixteen stories with their question, one in ten translated facts and
// Go specifications are held out; [World.Prose] and [World.Dialogue] never
// show them, [World.HeldOut] shows nothing else.
package world

import "math/rand/v2"

// The weights of tokens in the loss: an answer that takes a look-up in a
// story is worth most, text that nobody could predict (which story is told)
// little.
const (
	StoryWeight  = 4    // answers to questions on a story
	AnswerWeight = 1    // other answers: translations, Go functions
	ProseWeight  = 0.03 // all else in prose
	ChatWeight   = 0.01 // all else in a dialogue, its markup too
)

// Config sets the proportions of what a world writes. A zero field takes the
// value in its comment.
type Config struct {
	// Shares of tokens, relative to each other: 4, 4, 2, 0.6 if all are zero.
	English, Chinese, Translation, Go float64

	Turns   int                   // most questions on one story: 5
	Longest int                   // most tokens of a dialogue, markup included: 124, for a context of 128
	Markup  int                   // tokens that a chat template adds to a turn (question and answer): 10
	Count   func(text string) int // tokens in a text: the number of its pieces, see [Piece]
}

// A World writes text. It is safe for concurrent use if Config.Count is.
type World struct {
	Config
	seed     uint64
	unseen   [len(objects)]uint8 // the colour that training never gives an object
	prose    cumulative          // chances of the four sorts of text
	dialogue cumulative
}

// New returns the world of a seed with the default proportions.
func New(seed uint64) *World { return Config{}.New(seed) }

// New returns the world of a seed. It draws some hundred documents of each
// sort to learn their length, by which shares of tokens become chances of
// documents.
func (c Config) New(seed uint64) *World {
	w := &World{Config: c.withDefaults(), seed: seed}
	r := rand.New(rand.NewPCG(seed, 0x77687963616e7473))
	w.drawUnseen(r)
	w.balance(r)
	return w
}

func (c Config) withDefaults() Config {
	if c.English == 0 && c.Chinese == 0 && c.Translation == 0 && c.Go == 0 {
		c.English, c.Chinese, c.Translation, c.Go = 4, 4, 2, 0.6
	}
	if c.Turns == 0 {
		c.Turns = 5
	}
	if c.Longest == 0 {
		c.Longest = 124
	}
	if c.Markup == 0 {
		c.Markup = 10
	}
	if c.Count == nil {
		c.Count = countPieces
	}
	return c
}

// drawUnseen holds out one colour of each object, each colour once or twice,
// so that training still sees every word often.
func (w *World) drawUnseen(r *rand.Rand) {
	order, from := r.Perm(len(objects)), r.IntN(len(colours))
	for i, object := range order {
		w.unseen[object] = uint8((from + i) % len(colours))
	}
}

// Unseen lists the pairs that training never joins, in the language: "red
// ball", 红色的球.
func (w *World) Unseen(lang string) []string {
	pairs := make([]string, len(objects))
	for object, colour := range w.unseen {
		pairs[object] = Fact{Colour: colour, Object: uint8(object)}.pair(lang)
	}
	return pairs
}
