package tune

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/model/bert"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// Answer tunes an encoder to find an answer in a passage (Devlin et al. 2018,
// figure 4c): of each token it says how likely the answer begins and ends there. A
// passage that the context does not hold beside the question is read in windows
// that overlap by half; a window without the answer points at its first token.
type Answer struct {
	Questions []corpus.Question
	rows      []Row
	windows   []window
}

// A window is a part of a question's passage.
type window struct {
	question   int
	lead       int           // row of the passage's first token
	tokens     []corpus.Span // of the passage, in bytes of it
	start, end int32         // rows of the answer; 0: it is not here
}

// mostAnswer is the most words that an answer is looked for to have.
const mostAnswer = 20

// NewAnswer cuts passages into windows. Errors: none; a question that leaves no
// room for its passage, by file and question.
func NewAnswer(tok tokenizer.Tokenizer, frame *tokenizer.Frame, questions []corpus.Question, context int) (*Answer, error) {
	a := &Answer{Questions: questions}
	if len(questions) == 0 {
		return nil, fmt.Errorf("tune: no questions")
	}
	passages := map[string]passage{} // many questions share one
	for i, q := range questions {
		asked := tok.Encode(q.Text)
		room := context - len(asked) - frame.Extra(true)
		if room < 16 {
			return nil, fmt.Errorf("tune: %s: question %d takes %d tokens, which leaves %d of the context of %d for the passage: shorten it, or take a model with a longer context",
				q.File, q.Number, len(asked), max(room, 0), context)
		}
		p, ok := passages[q.Context]
		if !ok {
			p = cutPassage(tok, q.Context)
			passages[q.Context] = p
		}
		for at := 0; ; at += room / 2 {
			to := min(at+room, len(p.ids))
			a.add(frame, i, asked, p.ids[at:to], p.words[at:to])
			if to == len(p.ids) {
				break
			}
		}
	}
	return a, nil
}

// A passage is its tokens, and the word that each of them is of.
type passage struct {
	ids   []int32
	words []corpus.Span
}

func cutPassage(tok tokenizer.Tokenizer, text string) (p passage) {
	for _, w := range corpus.WordSpans(text) {
		for _, id := range wordIDs(tok, text, w.From, w.To) {
			p.ids, p.words = append(p.ids, id), append(p.words, w)
		}
	}
	return p
}

// add appends a window of question i.
func (a *Answer) add(frame *tokenizer.Frame, i int, asked, ids []int32, spans []corpus.Span) {
	row, types := frame.Join(asked, ids)
	before, _ := frame.Join(asked, []int32{})
	w := window{question: i, lead: len(before) - 1, tokens: spans} // one token of the frame follows the passage
	answer := a.Questions[i].Answers[0]
	first, last := -1, -1
	for k, s := range spans {
		if s.From < answer.To && answer.From < s.To {
			if first < 0 {
				first = k
			}
			last = k
		}
	}
	if first >= 0 && spans[first].From <= answer.From && spans[last].To >= answer.To {
		w.start, w.end = int32(w.lead+first), int32(w.lead+last)
	}
	q := a.Questions[i]
	a.rows, a.windows = append(a.rows, Row{row, types, fmt.Sprint(w.start, w.end), q.File, q.Number}), append(a.windows, w)
}

// Row is window i.
func (a *Answer) Row(i int) Row { return a.rows[i] }

// Len is the number of windows.
func (a *Answer) Len() int { return len(a.rows) }

// Loss is the mean cross-entropy of the answers' first and last tokens, each over
// the rows of its window.
func (a *Answer) Loss(m *bert.BERT, p *nn.Pass, x *tensor.Tensor, examples []int) *tensor.Tensor {
	scores := m.Answer(x) // (N, 2)
	var sum *tensor.Tensor
	at := 0
	for _, i := range examples {
		n := len(a.rows[i].IDs)
		places := scores.Slice(0, at, at+n).Transpose(0, 1) // (2, n)
		loss := places.CrossEntropy(p.Ints([]int32{a.windows[i].start, a.windows[i].end}), tensor.CEOptions{}).Mean()
		if sum == nil {
			sum = loss
		} else {
			sum = sum.Add(loss)
		}
		at += n
	}
	return sum.Scale(1 / float32(len(examples)))
}

// Say returns m's answer to each question, a part of its passage.
func (a *Answer) Say(m *bert.BERT) []string {
	answers, best := make([]string, len(a.Questions)), make([]float32, len(a.Questions))
	seen := make([]bool, len(a.Questions))
	each(m, a, func(_ *nn.Pass, x *tensor.Tensor, examples []int) {
		scores, at := m.Answer(x).Floats(), 0
		for _, i := range examples {
			n, w := len(a.rows[i].IDs), a.windows[i]
			span, score := w.likeliest(scores[2*at : 2*(at+n)])
			if q := w.question; span.To > 0 && (!seen[q] || score > best[q]) {
				seen[q], best[q], answers[q] = true, score, a.Questions[q].Context[span.From:span.To]
			}
			at += n
		}
	})
	return answers
}

// likeliest is the stretch whose begin and end have the highest scores together,
// over those of the window's first token.
func (w window) likeliest(scores []float32) (span corpus.Span, best float32) {
	for i := range w.tokens {
		for j := i; j < len(w.tokens) && j < i+2*mostAnswer; j++ {
			s := scores[2*(w.lead+i)] + scores[2*(w.lead+j)+1] - scores[0] - scores[1]
			if span.To == 0 || s > best {
				span, best = corpus.Span{From: w.tokens[i].From, To: w.tokens[j].To}, s
			}
		}
	}
	return span, best
}

// An AnswerScore is how well answers were found, as SQuAD's script counts.
type AnswerScore struct {
	Questions int
	Exact     int     // equal to some answer, case, punctuation and articles apart
	F1        float64 // mean over questions of the words' overlap with the answer
	Baseline  float64 // F1 of the sentence of the passage that shares the most words with the question
}

// Measure compares m's answers with the truth.
func (a *Answer) Measure(m *bert.BERT) AnswerScore {
	s := AnswerScore{Questions: len(a.Questions)}
	for i, said := range a.Say(m) {
		q := a.Questions[i]
		exact, f1, base := false, 0.0, 0.0
		for _, truth := range q.Answers {
			exact = exact || strings.Join(answerWords(said), " ") == strings.Join(answerWords(truth.Label), " ")
			f1, base = max(f1, wordF1(said, truth.Label)), max(base, wordF1(nearestSentence(q), truth.Label))
		}
		if exact {
			s.Exact++
		}
		s.F1 += f1 / float64(len(a.Questions))
		s.Baseline += base / float64(len(a.Questions))
	}
	return s
}

// answerWords are the words of an answer in small letters, without punctuation and
// articles; Han signs are words.
func answerWords(text string) (words []string) {
	for _, s := range corpus.WordSpans(strings.ToLower(text)) {
		word := strings.ToLower(text)[s.From:s.To]
		if word == "a" || word == "an" || word == "the" || strings.IndexFunc(word, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }) < 0 {
			continue
		}
		words = append(words, word)
	}
	return words
}

func wordF1(said, truth string) float64 {
	a, b := answerWords(said), answerWords(truth)
	count, common := map[string]int{}, 0
	for _, w := range b {
		count[w]++
	}
	for _, w := range a {
		if count[w] > 0 {
			count[w]--
			common++
		}
	}
	if common == 0 {
		return 0
	}
	return 2 * float64(common) / float64(len(a)+len(b))
}

// nearestSentence is the one that shares the most words with the question.
func nearestSentence(q corpus.Question) (best string) {
	most := -1
	asked := map[string]bool{}
	for _, w := range answerWords(q.Text) {
		asked[w] = true
	}
	for _, sentence := range strings.FieldsFunc(q.Context, func(r rune) bool { return strings.ContainsRune(".?!。？！", r) }) {
		n := 0
		for _, w := range answerWords(sentence) {
			if asked[w] {
				n++
			}
		}
		if n > most {
			best, most = sentence, n
		}
	}
	return best
}
