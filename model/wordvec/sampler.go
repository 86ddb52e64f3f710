package wordvec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
)

// blockWords is B. A larger block shares its negatives among more words and reads
// more scores that are no pair: 32 words with a window of 5 have 42 words around them,
// with which 22 negatives fill 64 columns.
const blockWords = 32

// A Batch is the words of one step in blocks of B: which rows are looked up, and
// what each score of the blocks' products counts.
type Batch struct {
	Blocks int       // G
	Pairs  int       // of the loss's mean: (word, near word), with CBOW words that have neighbours
	In     []int32   // (G, B) of skip-gram, (G, B+2W) of CBOW: rows of In
	Out    []int32   // (G, M): rows of Out
	Mean   []float32 // (G, B, B+2W) of CBOW: 1/n for each of a word's n neighbours
	// Positive is 1 where a score is of a pair, and Weights is how often its softplus
	// counts: 1 of a pair, k/K of a word's pairs for each negative; both (G, B, M).
	Positive, Weights []float32
}

// A Sampler makes batches of running words.
type Sampler struct {
	config   Word2VecConfig
	shared   int       // K
	keep     []float32 // of each word, the probability to stay when frequent words are thinned out
	noise    []float64 // running sums, see noise
	boundary int32     // an id that no pair goes across: the end of a document
	kept     []int32
	near     []int // scratch: how far each word of a block looks
}

// NewSampler prepares drawing for a text of words whose counts are given. subsample
// is the frequency t above which words are thinned out: a word of frequency f stays
// with probability √(t/f) (arXiv:1310.4546, eq. 5); 0 keeps all. boundary is the id
// that ends documents, -1 if there is none.
func NewSampler(c Word2VecConfig, counts []float32, subsample float64, boundary int32) (*Sampler, error) {
	if len(counts) != c.Vocab {
		return nil, fmt.Errorf("wordvec: counts of %d words, the vocabulary has %d", len(counts), c.Vocab)
	}
	total := 0.0
	for _, n := range counts {
		total += float64(n)
	}
	s := &Sampler{config: c, keep: make([]float32, len(counts)), noise: noise(counts), boundary: boundary}
	if s.noise[len(s.noise)-1] == 0 {
		return nil, fmt.Errorf("wordvec: every count is 0")
	}
	for i, n := range counts {
		s.keep[i] = 1
		if f := float64(n) / total; subsample > 0 && f > subsample {
			s.keep[i] = float32(math.Sqrt(subsample / f))
		}
	}
	// What a row of the block's product has room for, in eighths of columns; at least
	// four times the paper's k, so that a block's noise is no coarser than its pairs'.
	around := blockWords
	if c.Architecture == SkipGram {
		around += 2 * c.Window
	}
	s.shared = (around+4*c.Negatives+7)/8*8 - around
	return s, nil
}

// Rows returns the most rows of In and of Out that a batch of so many running
// words touches.
func (s *Sampler) Rows(words int) (in, out int) {
	blocks := s.blocks(words)
	v := s.config.Vocab
	return min(v, words+1), min(v, words+1+blocks*s.shared)
}

func (s *Sampler) blocks(words int) int { return (words + blockWords - 1) / blockWords }

// Expected returns the pairs that a running word of the text has on average, by
// the counts that thin out.
func (s *Sampler) Expected(counts []float32) float64 {
	kept, total := 0.0, 0.0
	for i, n := range counts {
		total += float64(n)
		kept += float64(n) * float64(s.keep[i])
	}
	if s.config.Architecture == CBOW {
		return kept / total
	}
	return kept / total * float64(s.config.Window+1) // twice the mean of 1 … W
}

// Load returns how many scores of pairs and of noise a running word of the text
// gives, on average, to the row of Out that gets the most. A step's update is the sum
// of all their gradients at one and the same place, so the rate times the load of a
// step bounds what is stable.
func (s *Sampler) Load(counts []float32) float64 {
	kept := 0.0
	for i, n := range counts {
		kept += float64(n) * float64(s.keep[i])
	}
	most, before := 0.0, 0.0
	for i, n := range counts {
		noise := (s.noise[i] - before) / s.noise[len(s.noise)-1]
		before = s.noise[i]
		most = max(most, float64(n)*float64(s.keep[i])/kept+float64(s.config.Negatives)*noise)
	}
	return most * s.Expected(counts)
}

// Fill makes b the batch of running words ids, with random numbers of seed and
// number alone.
func (s *Sampler) Fill(b *Batch, ids []int32, seed, number uint64) {
	r := rand.New(rand.NewPCG(seed, number))
	s.kept = s.kept[:0]
	for _, id := range ids {
		if k := s.keep[id]; k == 1 || r.Float32() < k {
			s.kept = append(s.kept, id)
		}
	}
	s.shape(b)
	for g := range b.Blocks {
		s.block(b, g, r)
	}
}

// shape makes room for the batch of the words that were kept. A batch of none has
// one empty block, whose loss is 0.
func (s *Sampler) shape(b *Batch) {
	b.Blocks, b.Pairs = max(1, s.blocks(len(s.kept))), 0
	around := blockWords + 2*s.config.Window
	in, out := blockWords, around+s.shared
	if s.config.Architecture == CBOW {
		in, out = around, blockWords+s.shared
		b.Mean = cleared(b.Mean, b.Blocks*blockWords*around)
	}
	b.In, b.Out = cleared(b.In, b.Blocks*in), cleared(b.Out, b.Blocks*out)
	b.Positive, b.Weights = cleared(b.Positive, b.Blocks*blockWords*out), cleared(b.Weights, b.Blocks*blockWords*out)
}

// cleared is n zeros, in x's memory where that is enough.
func cleared[E int32 | float32](x []E, n int) []E {
	if cap(x) < n {
		return make([]E, n)
	}
	x = x[:n]
	clear(x)
	return x
}

// block fills block g.
func (s *Sampler) block(b *Batch, g int, r *rand.Rand) {
	W, first := s.config.Window, g*blockWords
	words := s.kept[first:min(first+blockWords, len(s.kept))]
	around := make([]int32, 0, 256)
	for i := first - W; i < first+blockWords+W; i++ {
		around = append(around, s.at(i))
	}
	negatives := around[len(around):]
	for range s.shared {
		negatives = append(negatives, s.negative(r))
	}
	if s.config.Architecture == CBOW {
		s.fillCBOW(b, g, words, around, negatives, r)
	} else {
		s.fillSkipGram(b, g, words, around, negatives, r)
	}
}

// at is the word at place i of those kept; row 0 stands, without weight, for places
// that are outside.
func (s *Sampler) at(i int) int32 {
	if i < 0 || i >= len(s.kept) {
		return 0
	}
	return s.kept[i]
}

// negative draws a word from the noise.
func (s *Sampler) negative(r *rand.Rand) int32 {
	x := r.Float64() * s.noise[len(s.noise)-1]
	return int32(min(sort.SearchFloat64s(s.noise, math.Nextafter(x, math.Inf(1))), len(s.noise)-1))
}

// reach calls near with each place of a word's neighbours, as far as a window drawn
// from 1 … W reaches and no document ends: nearer words are so drawn more often
// (arXiv:1301.3781, 3.2).
func (s *Sampler) reach(place int, r *rand.Rand, near func(place int)) {
	radius := 1 + r.IntN(s.config.Window)
	for i := place - 1; i >= max(0, place-radius) && s.kept[i] != s.boundary; i-- {
		near(i)
	}
	for i := place + 1; i <= min(len(s.kept)-1, place+radius) && s.kept[i] != s.boundary; i++ {
		near(i)
	}
}

func (s *Sampler) fillSkipGram(b *Batch, g int, words, around, negatives []int32, r *rand.Rand) {
	M := len(around) + len(negatives)
	copy(b.In[g*blockWords:], words)
	copy(b.Out[g*M:], around)
	copy(b.Out[g*M+len(around):], negatives)
	share := float32(s.config.Negatives) / float32(len(negatives))
	for i, word := range words {
		if word == s.boundary {
			continue
		}
		row := (g*blockWords + i) * M
		positive, weights := b.Positive[row:row+M], b.Weights[row:row+M]
		pairs := float32(0)
		s.near = s.near[:0]
		s.reach(g*blockWords+i, r, func(place int) {
			j := place - g*blockWords + s.config.Window
			positive[j], weights[j] = 1, 1
			pairs++
			s.near = append(s.near, j)
		})
		b.Pairs += int(pairs)
		noise := weights[len(around):]
		for n := range noise {
			noise[n] = pairs * share
		}
		s.spare(noise, negatives, around, share)
	}
}

// spare takes a negative that is the pair's own word out of that pair's noise, as
// the authors' program does.
func (s *Sampler) spare(noise []float32, negatives, around []int32, share float32) {
	for _, j := range s.near {
		for n, id := range negatives {
			if id == around[j] {
				noise[n] -= share
			}
		}
	}
}

func (s *Sampler) fillCBOW(b *Batch, g int, words, around, negatives []int32, r *rand.Rand) {
	A, M := len(around), blockWords+len(negatives)
	copy(b.In[g*A:], around)
	copy(b.Out[g*M:], words)
	copy(b.Out[g*M+blockWords:], negatives)
	share := float32(s.config.Negatives) / float32(len(negatives))
	for i, word := range words {
		if word == s.boundary {
			continue
		}
		s.near = s.near[:0]
		s.reach(g*blockWords+i, r, func(place int) {
			s.near = append(s.near, place-g*blockWords+s.config.Window)
		})
		if len(s.near) == 0 {
			continue
		}
		b.Pairs++
		for _, j := range s.near {
			b.Mean[(g*blockWords+i)*A+j] = 1 / float32(len(s.near))
		}
		row := (g*blockWords + i) * M
		b.Positive[row+i], b.Weights[row+i] = 1, 1
		for n, id := range negatives {
			if id != word {
				b.Weights[row+blockWords+n] = share
			}
		}
	}
}

// A Renumbering gives the rows that a batch touches numbers from 0, so that a
// small table with these rows alone serves.
type Renumbering struct {
	Rows []int32 // the rows touched, in the order of their first use
	at   []int32 // 1 + the number of a row, 0 where it is not touched
}

// NewRenumbering is for tables of so many rows.
func NewRenumbering(rows int) *Renumbering { return &Renumbering{at: make([]int32, rows)} }

// Apply replaces ids by their numbers and sets Rows; the ids of a call count alone.
func (n *Renumbering) Apply(ids []int32) {
	for _, id := range n.Rows {
		n.at[id] = 0
	}
	n.Rows = n.Rows[:0]
	for i, id := range ids {
		if n.at[id] == 0 {
			n.Rows = append(n.Rows, id)
			n.at[id] = int32(len(n.Rows))
		}
		ids[i] = n.at[id] - 1
	}
}
