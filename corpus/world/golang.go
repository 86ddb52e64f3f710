package world

import "math/rand/v2"

// operation is what a Go function of the world computes. Its texts hold X
// and Y for the parameters; Y is absent in those of one parameter.
type operation struct {
	says  string // "the sum of X and Y"
	code  string // "X + Y"
	unary bool
	truth bool // the result is a bool, not the parameters' type
}

var operations = [...]operation{
	{says: "the sum of X and Y", code: "X + Y"},
	{says: "the difference of X and Y", code: "X - Y"},
	{says: "the product of X and Y", code: "X * Y"},
	{says: "the quotient of X and Y", code: "X / Y"},
	{says: "the larger of X and Y", code: "max(X, Y)"},
	{says: "the smaller of X and Y", code: "min(X, Y)"},
	{says: "whether X is less than Y", code: "X < Y", truth: true},
	{says: "whether X is greater than Y", code: "X > Y", truth: true},
	{says: "whether X equals Y", code: "X == Y", truth: true},
	{says: "twice X", code: "2 * X", unary: true},
	{says: "the square of X", code: "X * X", unary: true},
	{says: "the negative of X", code: "-X", unary: true},
	{says: "one more than X", code: "X + 1", unary: true},
}

// A function's name says nothing about what it computes: it has to be copied.
var (
	verbs      = [...]string{"get", "find", "make", "read", "take", "load", "show", "send"}
	nouns      = [...]string{"Price", "Count", "Score", "Total", "Speed", "Width", "Level", "Weight"}
	types      = [...]string{"int", "int64", "uint", "float32", "float64"}
	parameters = [...][2]string{{"a", "b"}, {"x", "y"}, {"m", "n"}, {"p", "q"}, {"u", "v"}, {"i", "j"}, {"s", "t"}, {"c", "d"}}
)

// program is one specification of a Go function, as indices of the tables.
type program struct{ op, verb, noun, typ, params uint8 }

func drawProgram(r *rand.Rand) program {
	return program{
		pick(r, len(operations)), pick(r, len(verbs)), pick(r, len(nouns)), pick(r, len(types)), pick(r, len(parameters)),
	}
}

func (p program) key() uint64 {
	return 1 + uint64(p.op) | uint64(p.verb)<<8 | uint64(p.noun)<<16 | uint64(p.typ)<<24 | uint64(p.params)<<32
}

func (p program) name() string { return verbs[p.verb] + nouns[p.noun] }

// specification is the line that asks for the function.
func (p program) specification() string {
	return "Go: " + p.name() + " returns " + p.fill(operations[p.op].says) + ", type " + types[p.typ] + "."
}

// source is the function on one line, as gofmt would leave it.
func (p program) source() string {
	op, in := operations[p.op], parameters[p.params]
	list, result := in[0], types[p.typ]
	if !op.unary {
		list += ", " + in[1]
	}
	if op.truth {
		result = "bool"
	}
	return "func " + p.name() + "(" + list + " " + types[p.typ] + ") " + result + " { return " + p.fill(op.code) + " }"
}

// fill puts the parameters' names for X and Y.
func (p program) fill(template string) string {
	text := make([]byte, 0, len(template)+8)
	for i := range len(template) {
		switch template[i] {
		case 'X':
			text = append(text, parameters[p.params][0]...)
		case 'Y':
			text = append(text, parameters[p.params][1]...)
		default:
			text = append(text, template[i])
		}
	}
	return string(text)
}
