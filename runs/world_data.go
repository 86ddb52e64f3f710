package runs

import (
	"math/rand/v2"

	"github.com/inkstone-ai/inkstone/corpus/world"
	"github.com/inkstone-ai/inkstone/tokenizer"
	"github.com/inkstone-ai/inkstone/train"
)

// Special tokens of the model that quickstart trains: the end of a document,
// and ChatML's two.
const (
	endOfText = "<|endoftext|>"
	turnStart = "<|im_start|>"
	turnEnd   = "<|im_end|>"
)

// A worldText writes batches of the little world, a document or a dialogue a
// sequence. Batch number i is a function of the seed and i alone.
type worldText struct {
	world *world.World
	ids   tokenizer.Tokenizer
	seed  uint64
	chat  bool // dialogues in ChatML instead of prose
	room  int  // tokens of a batch
	most  int  // tokens of a sequence: the model's context

	end, open, close int32
	newline          []int32
	roles            map[string][]int32 // the tokens of "user\n", "assistant\n"
	batch            train.Batch
}

func newWorldText(w *world.World, t tokenizer.Tokenizer, seed uint64, chat bool, room, most int) *worldText {
	s := &worldText{world: w, ids: t, seed: seed, chat: chat, room: room, most: most, newline: t.Encode("\n"), roles: map[string][]int32{}}
	s.end, _ = t.ID(endOfText)
	s.open, _ = t.ID(turnStart)
	s.close, _ = t.ID(turnEnd)
	for _, role := range []string{"user", "assistant"} {
		s.roles[role] = t.Encode(role + "\n")
	}
	return s
}

// fill returns batch number index, whose weights sum to 1. Its memory is
// reused by the next.
func (s *worldText) fill(index int) *train.Batch {
	b := &s.batch
	b.IDs, b.Targets, b.Weights, b.Lengths = b.IDs[:0], b.Targets[:0], b.Weights[:0], b.Lengths[:0]
	r := rand.New(rand.NewPCG(s.seed, uint64(index)))
	for {
		ids, weights := s.sequence(r)
		n := len(ids) - 1
		if n > s.most {
			continue // a document that the context can not hold is drawn again
		}
		if len(b.IDs)+n > s.room {
			break
		}
		b.IDs = append(b.IDs, ids[:n]...)
		b.Targets = append(b.Targets, ids[1:]...)
		b.Weights = append(b.Weights, weights[1:]...)
		b.Lengths = append(b.Lengths, n)
	}
	train.Normalize(b)
	return b
}

// sequence draws a document as ids, with the weight of each in the loss.
func (s *worldText) sequence(r *rand.Rand) (ids []int32, weights []float32) {
	add := func(weight float32, more ...int32) {
		ids = append(ids, more...)
		for range more {
			weights = append(weights, weight)
		}
	}
	if s.chat {
		it := s.world.Dialogue(r)
		for _, m := range it.Messages {
			weight := float32(world.ChatWeight)
			if m.Role == "assistant" {
				weight = it.Weight()
			}
			add(world.ChatWeight, s.open)
			add(world.ChatWeight, s.roles[m.Role]...)
			add(weight, s.ids.Encode(m.Content)...)
			add(weight, s.close) // that an answer ends is part of it
			add(world.ChatWeight, s.newline...)
		}
		return ids, weights
	}
	for _, part := range s.world.Prose(r).Segments {
		add(part.Weight, s.ids.Encode(part.Text)...)
	}
	add(world.ProseWeight, s.end)
	return ids, weights
}

// prompt is an item without its answer, up to where the assistant speaks.
func (s *worldText) prompt(it world.Item) []int32 {
	var ids []int32
	for _, m := range it.Prompt() {
		ids = append(append(append(ids, s.open), s.roles[m.Role]...), s.ids.Encode(m.Content)...)
		ids = append(append(ids, s.close), s.newline...)
	}
	return append(append(ids, s.open), s.roles["assistant"]...)
}
