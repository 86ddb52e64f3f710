package format

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Describe lists the tensors of w for people, one line a kind, names with control characters in quotes: layers whose
// tensors have the same type and shape share a line, with the range of their
// numbers in braces. The last line is the sum.
//
//	h.{0-11}.attn.c_attn.weight  F32 (768, 2304)
//	wte.weight                   F32 (50257, 768)
//	13 tensors, 59831808 elements, 239.3 MB
func Describe(w Weights) string {
	kinds, count, elements, bytes := kindsOf(w)
	width := 0
	for i := range kinds {
		width = max(width, min(len(kinds[i].title()), widestName))
	}
	var b strings.Builder
	for _, k := range kinds {
		fmt.Fprintf(&b, "%-*s  %s\n", width, k.title(), k.rest)
	}
	fmt.Fprintf(&b, "%d tensors, %d elements, %.1f MB\n", count, elements, float64(bytes)/1e6)
	return b.String()
}

// widestName bounds the column of names: a longer one moves its own line alone.
const widestName = 100

// kind is a set of tensors that differ in their layer's number alone.
type kind struct {
	before, after string // the name around the number
	rest          string // type and shape
	layers        []int  // nil for a name without a number
}

var layerNumber = regexp.MustCompile(`(^|\.)(\d{1,9})(\.|$)`)

// kindsOf groups the tensors, in the order of the first name of each kind.
func kindsOf(w Weights) (kinds []*kind, count, elements, bytes int) {
	at := map[string]*kind{}
	for _, name := range w.Names() {
		t, _ := w.Tensor(name)
		count, elements, bytes = count+1, elements+t.Len(), bytes+len(t.Data)
		k := &kind{before: name, rest: fmt.Sprintf("%s %s", t.DType, shapeString(t.Shape))}
		layer := -1
		if m := layerNumber.FindStringSubmatchIndex(name); m != nil {
			k.before, k.after = name[:m[4]], name[m[5]:]
			layer, _ = strconv.Atoi(name[m[4]:m[5]])
		}
		key := fmt.Sprintf("%q %q %s %v", k.before, k.after, k.rest, layer >= 0)
		if at[key] == nil {
			at[key] = k
			kinds = append(kinds, k)
		}
		if layer >= 0 {
			at[key].layers = append(at[key].layers, layer)
		}
	}
	return kinds, count, elements, bytes
}

func (k *kind) title() string {
	name := k.before
	switch len(k.layers) {
	case 0:
	case 1:
		name += strconv.Itoa(k.layers[0]) + k.after
	default:
		name += "{" + ranges(k.layers) + "}" + k.after
	}
	if strings.ContainsFunc(name, unicode.IsControl) { // a stranger's, for the terminal
		return strconv.Quote(name)
	}
	return name
}

// ranges writes numbers as 0-3,5,7-8.
func ranges(numbers []int) string {
	slices.Sort(numbers)
	var parts []string
	for i := 0; i < len(numbers); {
		j := i + 1
		for j < len(numbers) && numbers[j] == numbers[j-1]+1 {
			j++
		}
		part := strconv.Itoa(numbers[i])
		if j-i > 1 {
			part += "-" + strconv.Itoa(numbers[j-1])
		}
		parts = append(parts, part)
		i = j
	}
	return strings.Join(parts, ",")
}

func shapeString(shape []int) string {
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = strconv.Itoa(d)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}
