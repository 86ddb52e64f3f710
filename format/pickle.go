package format

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A pickle is a program for a stack machine that may call any function of
// Python: loading one from elsewhere runs it. This reader is such a machine
// without the functions (protocols 1 to 5 of Python's pickletools): what a
// pickle names is looked up in a short list of containers and of PyTorch's ways
// to write a tensor, and anything else is refused by its name.

// The values of a pickle that Go has no type for. None is nil, an int is an
// int64 or, where that is too short, a *big.Int, a str is a string, and bytes
// are []byte.
type (
	pyTuple []any
	pyList  struct{ items []any } // a list or a set
	pyDict  struct {
		keys, values []any
		at           map[any]int // of keys that are strings or numbers
	}
	// pyGlobal is a name that a pickle asks for, before it is called.
	pyGlobal struct{ module, name string }
)

func (g pyGlobal) String() string { return g.module + "." + g.name }

// set adds a pair. A dictionary has no key twice, so a file that says so lies.
func (d *pyDict) set(key, value any) error {
	switch key.(type) {
	case string, int64, bool, float64:
		if d.at == nil {
			d.at = map[any]int{}
		}
		if _, ok := d.at[key]; ok {
			return fmt.Errorf("key %.200v is there twice", key)
		}
		d.at[key] = len(d.keys)
	}
	d.keys, d.values = append(d.keys, key), append(d.values, value)
	return nil
}

// get returns the value of a string or a number.
func (d *pyDict) get(key any) (any, bool) {
	i, ok := d.at[key]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// An unpickler runs one pickle. Its memory is bounded by the pickle's length:
// every opcode pushes one value at most, a string is a part of the file, and
// calls are given no more than was read, however often it is.
type unpickler struct {
	in    []byte
	at    int // of the next byte of in
	given int // elements of the lists that calls were given
	stack []any
	marks []int // lengths of stack at the marks
	memo  map[uint32]any

	// call gives a global its arguments; persistent turns an id into an object
	// that lies outside the pickle.
	call       func(g pyGlobal, args pyTuple) (any, error)
	persistent func(id any) (any, error)
}

var errPickleEnds = errors.New("the pickle ends early")

// unpickle runs the pickle at the beginning of in and returns its value and its length.
func (u *unpickler) unpickle(in []byte) (value any, length int, err error) {
	u.in, u.at, u.given, u.stack, u.marks, u.memo = in, 0, 0, nil, nil, map[uint32]any{}
	for {
		at := u.at
		op, err := u.byte()
		if err != nil {
			return nil, 0, err
		}
		if op == '.' { // STOP
			value, err := u.pop()
			return value, u.at, err
		}
		if err := u.step(op); err != nil {
			return nil, 0, fmt.Errorf("byte %d of the pickle: %w", at, err)
		}
	}
}

// step runs one opcode; the letters are those of Python's pickle.py.
func (u *unpickler) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		v, err := u.byte()
		if err == nil && v > 5 {
			err = fmt.Errorf("protocol %d is not one of 1 to 5", v)
		}
		return err
	case 0x95: // FRAME: a hint to readers of streams
		_, err := u.take(8)
		return err
	case '(', '0', '1', '2':
		return u.shuffle(op)
	case 'N', 0x88, 0x89, 'J', 'K', 'M', 0x8a, 0x8b, 'G':
		return u.number(op)
	case 'I', 'L':
		return u.decimal()
	case 'T', 'U', 'X', 0x8c, 0x8d, 'B', 'C', 0x8e, 0x96:
		return u.text(op)
	case 'q', 'r', 0x94, 'h', 'j':
		return u.remember(op)
	case ']', '}', 0x8f, ')', 't', 0x85, 0x86, 0x87, 'l', 'd', 0x91:
		return u.build(op)
	case 'a', 'e', 's', 'u', 0x90:
		return u.extend(op)
	case 'c', 0x93, 'R', 0x81, 'b', 'Q':
		return u.object(op)
	case 'P', 'p':
		return errors.New("protocol 0 writes a tensor's storage as a text that PyTorch does not read either: save with another protocol")
	}
	return fmt.Errorf("opcode %#02x is not one of data in protocols 1 to 5", op)
}

// shuffle runs MARK, POP, POP_MARK and DUP.
func (u *unpickler) shuffle(op byte) error {
	switch op {
	case '(':
		u.marks = append(u.marks, len(u.stack))
		return nil
	case '1':
		_, err := u.toMark()
		return err
	}
	top, err := u.pop()
	if op == '2' && err == nil {
		u.push(top)
		u.push(top)
	}
	return err
}

func (u *unpickler) number(op byte) error {
	switch op {
	case 'N':
		u.push(nil)
		return nil
	case 0x88, 0x89:
		u.push(op == 0x88)
		return nil
	case 'G': // BINFLOAT, big-endian
		b, err := u.take(8)
		if err == nil {
			u.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
		}
		return err
	case 0x8a, 0x8b: // LONG1, LONG4
		n, err := u.size(map[byte]int{0x8a: 1, 0x8b: 4}[op])
		if err != nil {
			return err
		}
		b, err := u.take(n)
		if err == nil && n > maxDigits*5/12 {
			err = fmt.Errorf("a number of %d bytes is not one of at most %d digits", n, maxDigits)
		}
		if err == nil {
			u.push(pyInt(b))
		}
		return err
	}
	b, err := u.take(map[byte]int{'K': 1, 'M': 2, 'J': 4}[op])
	switch {
	case err != nil:
		return err
	case op == 'J': // BININT, signed
		u.push(int64(int32(binary.LittleEndian.Uint32(b))))
	case op == 'M':
		u.push(int64(binary.LittleEndian.Uint16(b)))
	default:
		u.push(int64(b[0]))
	}
	return nil
}

// decimal runs INT and LONG of protocol 1: a line of digits, behind which LONG has an L. INT writes
// the truth values as 00 and 01.
func (u *unpickler) decimal() error {
	line, err := u.line()
	if err != nil {
		return err
	}
	if line == "00" || line == "01" {
		u.push(line == "01")
		return nil
	}
	digits := strings.TrimSuffix(line, "L")
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		u.push(n)
		return nil
	}
	x, ok := new(big.Int).SetString(digits[:min(len(digits), maxDigits+1)], 10)
	if !ok || len(digits) > maxDigits {
		return fmt.Errorf("%.30q is not a number of at most %d digits", line, maxDigits)
	}
	u.push(x)
	return nil
}

// maxDigits is how many Python itself reads, for the time that takes.
const maxDigits = 4300

// pyInt is a little-endian integer in two's complement, of any length.
func pyInt(b []byte) any {
	if len(b) <= 8 {
		x := uint64(0)
		for i, c := range b {
			x |= uint64(c) << (8 * i)
		}
		if unused := 64 - 8*len(b); len(b) > 0 {
			return int64(x<<unused) >> unused
		}
		return int64(0)
	}
	reversed := make([]byte, len(b))
	for i, c := range b {
		reversed[len(b)-1-i] = c
	}
	x := new(big.Int).SetBytes(reversed)
	if b[len(b)-1]&0x80 != 0 {
		x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return x
}

// text pushes a string or bytes, whose length has 1, 4 or 8 bytes.
func (u *unpickler) text(op byte) error {
	width := map[byte]int{'U': 1, 0x8c: 1, 'C': 1, 'T': 4, 'X': 4, 'B': 4, 0x8d: 8, 0x8e: 8, 0x96: 8}[op]
	n, err := u.size(width)
	if err != nil {
		return err
	}
	b, err := u.take(n)
	if err != nil {
		return err
	}
	switch op {
	case 'B', 'C', 0x8e, 0x96:
		u.push(b)
	default:
		if !utf8.Valid(b) {
			return fmt.Errorf("string %.200q is not valid UTF-8", b)
		}
		u.push(string(b))
	}
	return nil
}

// remember runs BINPUT, LONG_BINPUT, MEMOIZE, BINGET and LONG_BINGET.
func (u *unpickler) remember(op byte) error {
	index := uint32(len(u.memo))
	if op != 0x94 {
		b, err := u.take(map[byte]int{'q': 1, 'h': 1, 'r': 4, 'j': 4}[op])
		if err != nil {
			return err
		}
		index = binary.LittleEndian.Uint32(append(bytes.Clone(b), 0, 0, 0))
	}
	if op == 'h' || op == 'j' {
		value, ok := u.memo[index]
		if !ok {
			return fmt.Errorf("memo %d is read before it is written", index)
		}
		u.push(value)
		return nil
	}
	top, err := u.pop()
	if err != nil {
		return err
	}
	u.memo[index] = top
	u.push(top)
	return nil
}

// build pushes a container: empty, of the values after the mark, or of one to
// three values.
func (u *unpickler) build(op byte) error {
	switch op {
	case ']', 0x8f:
		u.push(&pyList{})
		return nil
	case '}':
		u.push(&pyDict{})
		return nil
	case ')':
		u.push(pyTuple{})
		return nil
	case 0x85, 0x86, 0x87:
		items, err := u.popN(int(op) - 0x84)
		u.push(pyTuple(items))
		return err
	}
	items, err := u.toMark()
	switch {
	case err != nil:
		return err
	case op == 't':
		u.push(pyTuple(items))
	case op == 'd':
		d := &pyDict{}
		u.push(d)
		return d.setAll(items)
	default:
		u.push(&pyList{items})
	}
	return nil
}

func (d *pyDict) setAll(items []any) error {
	if len(items)%2 != 0 {
		return errors.New("a key has no value")
	}
	for i := 0; i < len(items); i += 2 {
		if err := d.set(items[i], items[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// extend adds to the container below the values.
func (u *unpickler) extend(op byte) error {
	var items []any
	var err error
	switch op {
	case 'a':
		items, err = u.popN(1)
	case 's':
		items, err = u.popN(2)
	default:
		items, err = u.toMark()
	}
	if err != nil {
		return err
	}
	top, err := u.pop()
	if err != nil {
		return err
	}
	u.push(top)
	switch c := top.(type) {
	case *pyDict:
		if op == 's' || op == 'u' {
			return c.setAll(items)
		}
	case *pyList:
		if op != 's' && op != 'u' {
			c.items = append(c.items, items...)
			return nil
		}
	}
	return fmt.Errorf("opcode %q adds to %s", op, kindOf(top))
}

// object runs the opcodes that name functions and call them.
func (u *unpickler) object(op byte) error {
	switch op {
	case 'c', 0x93:
		g, err := u.global(op)
		if err == nil && !pickleNames[g.String()] {
			err = refused(g)
		}
		u.push(g)
		return err
	case 'Q':
		id, err := u.pop()
		if err != nil {
			return err
		}
		if u.persistent == nil {
			return errors.New("a persistent id where there are none")
		}
		value, err := u.persistent(id)
		u.push(value)
		return err
	}
	args, err := u.popN(2)
	if err != nil {
		return err
	}
	if op == 'b' { // BUILD: attributes
		return u.attributes(args[0], args[1])
	}
	g, isName := args[0].(pyGlobal)
	tuple, isTuple := args[1].(pyTuple)
	if !isName || !isTuple {
		return fmt.Errorf("%s is called with %s", kindOf(args[0]), kindOf(args[1]))
	}
	if u.given += elementsOf(tuple); u.given > u.at {
		return fmt.Errorf("%s: %w", g, errShared)
	}
	value, err := u.call(g, tuple)
	if err != nil {
		return fmt.Errorf("%s: %w", g, err)
	}
	u.push(value)
	return nil
}

// attributes leaves an ordered dictionary as it is, whose attributes (the
// _metadata of a state_dict: versions of modules) are no tensors. Nothing else
// that is read here has any.
func (u *unpickler) attributes(object, _ any) error {
	if _, ok := object.(*pyDict); !ok {
		return fmt.Errorf("%s is given attributes", kindOf(object))
	}
	u.push(object)
	return nil
}

// elementsOf counts those of the lists among arguments.
func elementsOf(args pyTuple) (n int) {
	for _, arg := range args {
		switch list := arg.(type) {
		case *pyList:
			n += len(list.items)
		case pyTuple:
			n += len(list)
		}
	}
	return n
}

func (u *unpickler) global(op byte) (g pyGlobal, err error) {
	if op == 'c' { // two lines of text
		if g.module, err = u.line(); err == nil {
			g.name, err = u.line()
		}
		return g, err
	}
	names, err := u.popN(2)
	if err != nil {
		return g, err
	}
	module, ok1 := names[0].(string)
	name, ok2 := names[1].(string)
	if !ok1 || !ok2 {
		return g, errors.New("a name that is not a string")
	}
	return pyGlobal{module, name}, nil
}

func (u *unpickler) push(v any) { u.stack = append(u.stack, v) }

func (u *unpickler) pop() (any, error) {
	items, err := u.popN(1)
	if err != nil {
		return nil, err
	}
	return items[0], nil
}

// popN takes the top n values off the stack, down to the last mark at most.
func (u *unpickler) popN(n int) ([]any, error) {
	floor := 0
	if len(u.marks) > 0 {
		floor = u.marks[len(u.marks)-1]
	}
	if len(u.stack)-n < floor {
		return make([]any, n), errors.New("the stack has too few values")
	}
	items := append([]any(nil), u.stack[len(u.stack)-n:]...)
	u.stack = u.stack[:len(u.stack)-n]
	return items, nil
}

// toMark takes what was pushed after the last mark.
func (u *unpickler) toMark() ([]any, error) {
	if len(u.marks) == 0 {
		return nil, errors.New("no mark on the stack")
	}
	n := len(u.stack) - u.marks[len(u.marks)-1]
	items, err := u.popN(n)
	u.marks = u.marks[:len(u.marks)-1]
	return items, err
}

func (u *unpickler) byte() (byte, error) {
	b, err := u.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (u *unpickler) take(n int) ([]byte, error) {
	if n < 0 || n > len(u.in)-u.at {
		return nil, errPickleEnds
	}
	b := u.in[u.at : u.at+n : u.at+n]
	u.at += n
	return b, nil
}

// size reads a length of 1, 4 or 8 bytes, which cannot be more than what is left.
func (u *unpickler) size(width int) (int, error) {
	b, err := u.take(width)
	if err != nil {
		return 0, err
	}
	n := binary.LittleEndian.Uint64(append(bytes.Clone(b), make([]byte, 8-width)...))
	if n > uint64(len(u.in)-u.at) {
		return 0, fmt.Errorf("length %d: %w", n, errPickleEnds)
	}
	return int(n), nil
}

func (u *unpickler) line() (string, error) {
	n := bytes.IndexByte(u.in[u.at:], '\n')
	if n < 0 {
		return "", errPickleEnds
	}
	b, err := u.take(n + 1)
	if err != nil {
		return "", err
	}
	return string(b[:n]), nil
}

// kindOf names a value for an error.
func kindOf(v any) string {
	switch x := v.(type) {
	case nil:
		return "None"
	case pyGlobal:
		return x.String()
	case pyTuple:
		return "a tuple"
	case *pyList:
		return "a list"
	case *pyDict:
		return "a dictionary"
	case string:
		return "a string"
	case []byte:
		return "bytes"
	case int64, *big.Int, float64, bool:
		return fmt.Sprintf("the number %v", x)
	case *torchTensor:
		return "a tensor"
	case *torchStorage:
		return "a storage"
	}
	return fmt.Sprintf("%T", v)
}

// refused is the error of a name that is neither a container nor a way to
// write a tensor.
func refused(g pyGlobal) error {
	return fmt.Errorf("%.200q is a program, not data, and is not run: a file of weights may hold tensors, numbers, strings and their lists and dictionaries. Where the file comes from, save the tensors alone: torch.save(model.state_dict(), path)", g.String())
}
