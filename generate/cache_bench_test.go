package generate

import (
	"testing"

	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

// BenchmarkBeamReorder is what a beam search of 32 sources does to the cache after a token
// when every hypothesis of each beam of 4 goes on from the first: three strips are copied,
// here of 6 layers of 256 channels with 40 tokens. The rate counts what is read and
// written.
func BenchmarkBeamReorder(b *testing.B) {
	const searches, beam, layers, H, D, read, context = 32, 4, 6, 4, 64, 40, 64
	d := tensor.CPU(0)
	defer d.Close()
	c := &slots{device: d, count: searches * beam, context: context}
	defer c.free()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	p, ids, at := &nn.Pass{}, make([]int32, c.count*read), make([]int, c.count)
	p.SetRows(s, ids, read)
	for i := range at {
		at[i] = i
	}
	c.begin(s, p, at)
	for i := range layers {
		x := s.Zeros(len(ids), H, D)
		c.store(&c.keys, i, p, x)
		c.store(&c.values, i, p, x)
	}
	all := make([]*search, searches)
	for i := range all {
		all[i] = &search{SourceRequest: SourceRequest{Beam: beam}, most: context}
		for k := range beam {
			all[i].live = append(all[i].live, hypothesis{slot: i*beam + k})
		}
	}
	copies, next := 0, []step{{parent: 0}, {parent: 0}, {parent: 0}, {parent: 0}}
	for b.Loop() {
		for _, s := range all {
			for k := range s.live {
				s.live[k].ids = s.live[k].ids[:0] // so that no target comes to its end
			}
			s.follow(next, func(to, from int) {
				c.copy(to, from, read)
				copies++
			})
		}
	}
	if copies != 3*searches*b.N {
		b.Fatalf("%d strips were copied in %d rounds", copies, b.N)
	}
	b.ReportMetric(2*4*float64(copies*2*layers*read*H*D)/b.Elapsed().Seconds()/1e9, "GB/s")
}
