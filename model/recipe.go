package model

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
)

// A Recipe says which type each tensor of a GGUF file gets: the matrices that errors hurt most
// have more bits. The recipes are those of llama.cpp (llama-quant.cpp).
type Recipe struct {
	Name     string // Q4_K_M
	FileType uint32 // general.file_type
	base     format.DType
	layers   int
	tied     bool
	experts  int
	grouped  bool // fewer key heads than heads
	weighed  bool // there is an importance

	// Changed are the tensors whose rows are no multiple of 256, with the type that they got in
	// the place of the recipe's. It grows as types are asked for.
	Changed map[string]format.DType
}

// presets are the recipes by name.
var presets = map[string]struct {
	fileType uint32
	base     format.DType
}{
	"F32": {0, format.F32}, "F16": {1, format.F16}, "BF16": {32, format.BF16},
	"Q8_0": {7, format.Q8_0}, "Q4_0": {2, format.Q4_0}, "Q4_1": {3, format.Q4_1}, "Q5_0": {8, format.Q5_0}, "Q5_1": {9, format.Q5_1},
	"Q4_K_S": {14, format.Q4_K}, "Q4_K_M": {15, format.Q4_K}, "Q5_K_S": {16, format.Q5_K}, "Q5_K_M": {17, format.Q5_K}, "Q6_K": {18, format.Q6_K},
}

// Recipes returns the names of the recipes, in lexical order.
func Recipes() []string { return slices.Sorted(maps.Keys(presets)) }

// NewRecipe returns the recipe of a name, in whatever case, for a model; weighed says that columns
// have an importance.
func NewRecipe(name string, lm LM, weighed bool) (*Recipe, error) {
	name = strings.ToUpper(name)
	switch name {
	case "Q4_K", "Q5_K":
		name += "_M"
	}
	p, ok := presets[name]
	if !ok {
		return nil, fmt.Errorf("model: no type %q; there are %s", name, strings.Join(Recipes(), ", "))
	}
	s := lm.Shape()
	r := &Recipe{Name: name, FileType: p.fileType, base: p.base, layers: s.Layers, tied: true, grouped: s.KVHeads < s.Heads, weighed: weighed, Changed: map[string]format.DType{}}
	for tensor, params := range byGGUF(lm) {
		if tensor == "output.weight" {
			r.tied = false
		}
		r.experts = max(r.experts, len(params))
	}
	return r, nil
}

// Type is the type of a matrix, which t names and shapes as the file has it.
func (r *Recipe) Type(t format.Tensor) (format.DType, error) {
	if !r.base.Quantised() {
		return r.base, nil
	}
	d := r.mixed(t)
	if cols := t.Shape[len(t.Shape)-1]; cols%d.Block() != 0 {
		d = narrower(d, cols)
		r.Changed[t.Name] = d
	}
	return d, nil
}

// narrower is what a type becomes whose blocks do not fit a row.
func narrower(d format.DType, cols int) format.DType {
	if cols%format.Q8_0.Block() != 0 {
		return format.F16
	}
	return map[format.DType]format.DType{format.Q4_K: format.Q5_0, format.Q5_K: format.Q5_1, format.Q6_K: format.Q8_0}[d]
}

// mixed is the recipe's type, whether or not its blocks fit.
func (r *Recipe) mixed(t format.Tensor) format.DType {
	layer, name := layerOf(t.Name)
	switch {
	case name == "output.weight", name == "token_embd.weight" && r.tied:
		if r.base == format.Q8_0 || t.Shape[len(t.Shape)-1]%r.base.Block() != 0 {
			return format.Q8_0
		}
		return format.Q6_K
	case name == "attn_v.weight" || name == "attn_qkv.weight":
		return r.values(layer)
	case name == "attn_k.weight" && r.experts == 8:
		return format.Q8_0
	case name == "attn_output.weight" && r.experts == 8 && r.base == format.Q4_K:
		return format.Q5_K
	case strings.HasPrefix(name, "ffn_down"):
		return r.down(layer)
	}
	return r.base
}

// values is the type of the matrix that makes values, in which an error is not averaged out.
func (r *Recipe) values(layer int) format.DType {
	d := r.base
	switch {
	case r.medium() && r.moreBits(layer):
		d = format.Q6_K
	case r.Name == "Q4_K_S" && layer < 4:
		d = format.Q5_K
	}
	if r.layers == 80 && r.grouped && d == format.Q4_K {
		d = format.Q5_K // eight heads share it in a model of 70B: it is small
	}
	if r.experts == 8 {
		d = format.Q8_0
	}
	return d
}

// down is the type of the matrix that ends a feed-forward.
func (r *Recipe) down(layer int) format.DType {
	first := layer < r.layers/8
	switch {
	case r.medium() && r.moreBits(layer):
		return format.Q6_K
	case r.Name == "Q4_K_S" && first:
		return format.Q5_K
	case r.Name == "Q4_0" && r.weighed && first:
		return format.Q4_1
	case r.Name == "Q5_0" && r.weighed && first:
		return format.Q5_1
	}
	return r.base
}

func (r *Recipe) medium() bool { return r.Name == "Q4_K_M" || r.Name == "Q5_K_M" }

// moreBits is true of the first and the last eighth of the layers, and of every third between.
func (r *Recipe) moreBits(layer int) bool {
	return layer < r.layers/8 || layer >= 7*r.layers/8 || (layer-r.layers/8)%3 == 2
}

// layerOf splits blk.7.attn_v.weight into 7 and attn_v.weight.
func layerOf(name string) (layer int, rest string) {
	if after, ok := strings.CutPrefix(name, "blk."); ok {
		number, rest, _ := strings.Cut(after, ".")
		if n, err := strconv.Atoi(number); err == nil {
			return n, rest
		}
	}
	return 0, name
}
