package wordvec

// BlockWords is B, for tests that build a batch by hand.
const BlockWords = blockWords

// Keep and Shared show how a sampler thins out and how many negatives a block has.
func (s *Sampler) Keep() []float32 { return s.keep }
func (s *Sampler) Shared() int     { return s.shared }

// Negative draws as batches do.
var Negative = (*Sampler).negative
