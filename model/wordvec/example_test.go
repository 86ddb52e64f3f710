package wordvec_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/inkstone-ai/inkstone/model/wordvec"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/train"
)

// A skip-gram model of a few sentences: animals do what animals do.
func Example() {
	text := strings.Fields(strings.Repeat("the cat drinks milk . the dog drinks water . a car needs fuel . a bus needs fuel . ", 40))
	ids, words, counts := []int32{}, []string{}, []float32{}
	known := map[string]int32{}
	for _, w := range text {
		if _, ok := known[w]; !ok {
			known[w] = int32(len(words))
			words, counts = append(words, w), append(counts, 0)
		}
		ids = append(ids, known[w])
		counts[known[w]]++
	}

	c := wordvec.Word2VecConfig{Architecture: wordvec.SkipGram, Vocab: len(words), Width: 8, Window: 2, Negatives: 5}
	m, err := wordvec.NewWord2Vec(c)
	if err != nil {
		log.Fatal(err)
	}
	d := tensor.CPU(1)
	defer d.Close()
	nn.Init(m, d, 1)
	m.In.W.SetTrainable(true) // a vocabulary of a dozen words is trained whole; see train.Rows for large ones
	m.Out.W.SetTrainable(true)
	sampler, err := wordvec.NewSampler(c, counts, 0, -1)
	if err != nil {
		log.Fatal(err)
	}
	var b wordvec.Batch
	_, err = train.Run(context.Background(), train.Config{Device: d, Steps: 60}, &train.Stepper{
		Groups: []train.Group{{Rule: train.AdaGrad{}, LR: 0.3, Params: []train.Param{
			{Name: "in", Tensor: m.In.W}, {Name: "out", Tensor: m.Out.W},
		}}},
		Loss: func(s *tensor.Step, index, _ int) (*tensor.Tensor, error) {
			sampler.Fill(&b, ids, 1, uint64(index))
			return m.Loss(m.In.W, m.Out.W, s, &b), nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}

	v, err := wordvec.NewVectors(words, m.Words())
	if err != nil {
		log.Fatal(err)
	}
	index := v.Index(d)
	defer index.Close()
	for _, word := range []string{"cat", "car"} {
		near, err := index.Nearest(wordvec.Query{{Word: word}}, 1)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(word, "is used like", near[0].Word)
	}
	// Output:
	// cat is used like dog
	// car is used like bus
}
