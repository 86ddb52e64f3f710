package nn

import (
	"fmt"
	"reflect"
	"strconv"

	"github.com/inkstone-ai/inkstone/tensor"
)

// Role says what a weight is for: optimizers and planners group by it.
type Role uint8

// Roles of weights. Decay and Muon are for a Matrix; a Head is a matrix too,
// but its rows are the vocabulary's, as a Table's are.
const (
	Matrix  Role = iota // of a Linear, (out, in)
	Head                // of the Linear that scores the vocabulary, (V, C)
	Table               // of an Embedding, (V, C); also of a tied head
	Bias                // (out)
	Gain                // of a norm, (C)
	Taps                // of a causal convolution, (width, C)
	Filter              // of a convolution of images, (out, KH, KW, in); transposed (in, KH, KW, out)
	Running             // average of what was seen in training, (C): no gradient trains it
)

func (r Role) String() string {
	return [...]string{"matrix", "head", "table", "bias", "gain", "taps", "filter", "running"}[r]
}

// A Block is a struct whose fields are weights. It knows their roles and how
// training starts them; field is the Go name of the weight's field.
type Block interface {
	Role(field string) Role
	Draw(field string, w *tensor.Tensor, key uint64)
}

// A Param is one weight of a model, as [Walk] finds it.
type Param struct {
	Name   string // path of hf tags, as Hugging Face's files name it: "model.layers.0.mlp.up_proj.weight"
	GGUF   string // path of gguf tags, as GGUF files name it: "blk.0.ffn_up.weight"; empty without them
	Tensor *tensor.Tensor
	Role   Role
	Block  Block  // the struct that holds it
	Field  string // and the field there
}

// Walk calls visit for every weight of a model, in the order of the fields.
//
// model is a pointer to a struct. Fields with an hf tag are followed through
// structs, pointers and slices, whose elements are numbered, and embedded structs
// as if their fields stood there; nil is skipped (a head that is tied, a bias
// that is absent); a tensor that two fields share is
// visited once, under the first name. A gguf tag is the other name of the same field; a struct
// without one adds nothing to the path, and a slice without one does not number its elements,
// whose weights then share a name: a GGUF file has them stacked, as experts are. The tag role:"head" marks the matrix
// that scores the vocabulary. Walk panics when an exported tensor has no tag or
// its struct is no [Block]: a weight that were skipped here would be neither
// saved nor trained.
func Walk(model any, visit func(Param)) {
	v := reflect.ValueOf(model)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("nn: Walk of %T, want a pointer to a struct", model))
	}
	w := walker{visit: visit, seen: map[*tensor.Tensor]bool{}}
	w.value(v, place{})
}

// Params returns what [Walk] visits.
func Params(model any) []Param {
	var all []Param
	Walk(model, func(p Param) { all = append(all, p) })
	return all
}

// Trainable returns the weights that gradients train, all but those that are [Running].
func Trainable(model any) (all []Param) {
	Walk(model, func(p Param) {
		if p.Role != Running {
			all = append(all, p)
		}
	})
	return all
}

// Freeze makes a model a constant for the operations to come, or ends that; see
// [tensor.Tensor.Freeze].
func Freeze(model any, on bool) {
	Walk(model, func(p Param) { p.Tensor.Freeze(on) })
}

// A place is where in the model a walk stands.
type place struct {
	name     string
	gguf     string
	numbered bool // the elements of a slice have numbers in gguf too
	head     bool // below a field with role:"head"
}

type walker struct {
	visit func(Param)
	seen  map[*tensor.Tensor]bool
}

var tensorType = reflect.TypeFor[*tensor.Tensor]()

func (w *walker) value(v reflect.Value, at place) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			w.value(v.Elem(), at)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			number, gguf := strconv.Itoa(i), ""
			if at.numbered {
				gguf = number
			}
			w.value(v.Index(i), at.below(number, gguf))
		}
	case reflect.Struct:
		w.fields(v, at)
	default:
		panic(fmt.Sprintf("nn: %s is a %s, want a struct, a slice or a tensor", at.name, v.Type()))
	}
}

func (w *walker) fields(v reflect.Value, at place) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		tag, tagged := f.Tag.Lookup("hf")
		if f.Type == tensorType && f.IsExported() && !tagged {
			panic(fmt.Sprintf("nn: tensor %s of %s has no hf tag", f.Name, v.Type()))
		}
		if f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct {
			w.fields(v.Field(i), at)
		}
		if !tagged {
			continue
		}
		here := at.below(tag, f.Tag.Get("gguf"))
		here.head = at.head || f.Tag.Get("role") == "head"
		if f.Type != tensorType {
			w.value(v.Field(i), here)
		} else if t := v.Field(i).Interface().(*tensor.Tensor); t != nil && !w.seen[t] {
			w.seen[t] = true
			if at.gguf == "" || !here.numbered {
				here.gguf = "" // the name of the model's field, or that of the weight, is not told
			}
			w.visit(param(v, f.Name, t, here))
		}
	}
}

func param(v reflect.Value, field string, t *tensor.Tensor, at place) Param {
	b, ok := v.Addr().Interface().(Block)
	if !ok {
		panic(fmt.Sprintf("nn: %s holds weights but is no Block", v.Type()))
	}
	p := Param{Name: at.name, GGUF: at.gguf, Tensor: t, Role: b.Role(field), Block: b, Field: field}
	if at.head && p.Role == Matrix {
		p.Role = Head
	}
	return p
}

// below is the place one level down.
func (at place) below(hf, gguf string) place {
	return place{join(at.name, hf), join(at.gguf, gguf), gguf != "", at.head}
}

func join(path, name string) string {
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}
