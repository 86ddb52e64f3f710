// Package bench measures what its users would measure before they choose: how
// fast a model trains beside PyTorch, how fast a checkpoint loads. It holds
// benchmarks and scripts only and is imported by nothing.
//
//	bench/run              every number of the project, both sides alternating, medians with spread
//	bench/run shakespeare  nanoGPT's recipe for a CPU, three seeds
//	bench/train.py         the PyTorch side of BenchmarkTrain
//	bench/peers            other programs' sides
package bench
