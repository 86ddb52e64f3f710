// Package eval measures language models: loss, perplexity and bits per byte on
// text ([Language]), exact match on conversations ([ExactMatch]), and prints what was
// measured in one form ([Report]).
//
// A measurement says how it was made: the window and the stride, how many items, how
// wide the interval. Models are measured through the same forward that generation
// uses; nothing is sampled unless it is said.
//
// Letters in comments:
//
//	N tokens of a pass   T tokens of a window   C channels   R rows that count
//
// The package's example measures a tiny model on a sentence.
package eval
