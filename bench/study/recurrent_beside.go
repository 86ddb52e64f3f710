package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/corpus/ngram"
	"github.com/inkstone-ai/inkstone/eval"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// beside compares the model in -out, which "inkstone train" made of -data, with a
// Kneser–Ney 5-gram on the very tokens that it was trained on and that were held out.
func (e experiment) beside(ctx context.Context) error {
	s, err := inkstone.ReadSettings(filepath.Join(e.out, inkstone.SettingsFile))
	if err != nil {
		return err
	}
	docs, _, err := corpus.Read(nil, e.data)
	if err != nil {
		return err
	}
	learned, held, err := corpus.Split(docs, s.HeldOut, s.Seed)
	if err != nil {
		return err
	}
	d := tensor.CPU(e.threads)
	defer d.Close()
	loaded, err := model.Load(e.out, d)
	if err != nil {
		return err
	}
	defer loaded.Close()
	tok, err := tokenizer.Load(e.out)
	if err != nil {
		return err
	}
	end, ok := tok.ID(inkstone.EndOfText)
	if !ok {
		end = corpus.NoEnd
	}
	trainIDs, heldIDs := corpus.Encode(tok, learned, end), corpus.Encode(tok, held, end)
	c, err := eval.Compare(ctx, s.Model, loaded.LM, tok, heldIDs, 256)
	if err != nil {
		return err
	}
	m, err := ngram.Train([][]int32{trainIDs}, tok.Size(), 5)
	if err != nil {
		return err
	}
	bits := m.Bits(heldIDs[1:])
	n := float64(len(heldIDs) - 1)
	fmt.Print(eval.Markdown(eval.Table([]eval.Candidate{c, {
		Name: "Kneser–Ney 5-gram", Parameters: m.Size(), Loss: bits * math.Ln2 / n, BitsPerByte: c.BitsPerByte * bits * math.Ln2 / n / c.Loss,
	}})))
	fmt.Printf("%d tokens to learn from, %.0f predicted; %s has %.4f nats less for each\n", len(trainIDs), n, s.Model, bits*math.Ln2/n-c.Loss)
	return nil
}
