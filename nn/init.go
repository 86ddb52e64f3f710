package nn

import (
	"hash/fnv"

	"github.com/inkstone-ai/inkstone/tensor"
)

// Std is the standard deviation of weights that name none (Radford et al. 2019,
// and Hugging Face's initializer_range).
const Std = 0.02

// Init gives every weight of model memory on d and the values with which
// training starts. Each weight draws from its own stream, a function of seed
// and its name: the values do not change when a layer is added elsewhere.
func Init(model any, d *tensor.Device, seed uint64) {
	Walk(model, func(p Param) {
		p.Tensor.SetName(p.Name)
		p.Tensor.Bind(d)
		p.Block.Draw(p.Field, p.Tensor, streamKey(seed, p.Name))
	})
}

// streamKey mixes a seed with a name (FNV-1a, then the finaliser of SplitMix64:
// Steele et al. 2014), so that seeds 1 and 2 share no stream.
func streamKey(seed uint64, name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	z := h.Sum64() + seed*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Role tells W from B.
func (l *Linear) Role(field string) Role {
	if field == "B" {
		return Bias
	}
	return Matrix
}

// Draw fills W from a normal distribution and B with zeros.
func (l *Linear) Draw(field string, w *tensor.Tensor, key uint64) {
	if field == "B" {
		w.Fill(0)
		return
	}
	w.FillNormal(key, orStd(l.Std))
}

// Role is Table.
func (e *Embedding) Role(string) Role { return Table }

// Draw fills the table from a normal distribution.
func (e *Embedding) Draw(_ string, w *tensor.Tensor, key uint64) { w.FillNormal(key, orStd(e.Std)) }

func orStd(std float32) float32 {
	if std == 0 {
		return Std
	}
	return std
}

// Role tells W from B.
func (n *LayerNorm) Role(field string) Role { return normRole(field) }

// Draw fills W with ones and B with zeros.
func (n *LayerNorm) Draw(field string, w *tensor.Tensor, _ uint64) { drawNorm(field, w) }

// Role is Gain.
func (n *RMSNorm) Role(field string) Role { return normRole(field) }

// Draw makes all gains 1.
func (n *RMSNorm) Draw(field string, w *tensor.Tensor, _ uint64) {
	if n.Plus {
		w.Fill(0)
		return
	}
	drawNorm(field, w)
}

func normRole(field string) Role {
	if field == "B" {
		return Bias
	}
	return Gain
}

func drawNorm(field string, w *tensor.Tensor) {
	if field == "B" {
		w.Fill(0)
		return
	}
	w.Fill(1)
}
