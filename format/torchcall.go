package format

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// torchTypes are PyTorch's names of element types, as storages and as dtypes have them.
var torchTypes = []struct {
	storage, dtype string
	as             DType
}{
	{"FloatStorage", "float32", F32},
	{"DoubleStorage", "float64", F64},
	{"HalfStorage", "float16", F16},
	{"BFloat16Storage", "bfloat16", BF16},
	{"LongStorage", "int64", I64},
	{"IntStorage", "int32", I32},
	{"ShortStorage", "int16", I16},
	{"CharStorage", "int8", I8},
	{"ByteStorage", "uint8", U8},
	{"BoolStorage", "bool", Bool},
	{"ComplexFloatStorage", "complex64", C64},
	{"UntypedStorage", "uint8", U8}, // its bytes, until a tensor gives them a type
	{"", "uint16", U16},
	{"", "uint32", U32},
	{"", "uint64", U64},
	{"", "float8_e4m3fn", F8E4M3},
	{"", "float8_e5m2", F8E5M2},
	{"", "float8_e8m0fnu", F8E8M0},
}

// pickleNames are all that a file of weights may name.
var pickleNames = allowedNames()

func allowedNames() map[string]bool {
	names := map[string]bool{}
	for name := range strings.FieldsSeq(`
		collections.OrderedDict torch.Size torch.device
		torch._utils._rebuild_tensor torch._utils._rebuild_tensor_v2 torch._utils._rebuild_tensor_v3
		torch._utils._rebuild_parameter torch._utils._rebuild_parameter_with_state torch.nn.parameter.Parameter
		builtins.set builtins.frozenset builtins.bytearray builtins.dict builtins.list builtins.tuple
		__builtin__.set __builtin__.frozenset __builtin__.bytearray _codecs.encode`) {
		names[name] = true
	}
	for _, t := range torchTypes {
		names["torch."+t.dtype] = true
		if t.storage != "" {
			names["torch."+t.storage] = true
		}
	}
	names["torch.storage.UntypedStorage"] = true
	return names
}

// torchCall does what the named function would.
func torchCall(g pyGlobal, args pyTuple) (any, error) {
	switch g.String() {
	case "collections.OrderedDict", "builtins.dict":
		return newDict(args)
	case "builtins.set", "builtins.frozenset", "builtins.list", "__builtin__.set", "__builtin__.frozenset":
		items, err := itemsOf(args)
		return &pyList{items}, err
	case "builtins.tuple", "torch.Size":
		items, err := itemsOf(args)
		return pyTuple(items), err
	case "torch.device":
		return "a device", nil // where the tensor was
	case "_codecs.encode", "builtins.bytearray", "__builtin__.bytearray":
		return encodeBytes(args)
	case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3":
		return rebuildTensor(args, strings.HasSuffix(g.name, "_v3"))
	case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state", "torch.nn.parameter.Parameter":
		if len(args) > 0 {
			if t, ok := args[0].(*torchTensor); ok {
				return t, nil
			}
		}
		return nil, errors.New("its first argument is not a tensor")
	}
	return nil, errors.New("is a type, not a function")
}

// newDict makes a dictionary of nothing, or of pairs.
func newDict(args pyTuple) (any, error) {
	d := &pyDict{}
	items, err := itemsOf(args)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		pair, err := itemsOf(pyTuple{item})
		if err != nil || len(pair) != 2 {
			return nil, errors.New("its argument is not a list of pairs")
		}
		if err := d.set(pair[0], pair[1]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// itemsOf is the list that is the one argument, or nothing.
func itemsOf(args pyTuple) ([]any, error) {
	if len(args) == 0 {
		return nil, nil
	}
	if len(args) == 1 {
		switch list := args[0].(type) {
		case *pyList:
			return list.items, nil
		case pyTuple:
			return list, nil
		}
	}
	return nil, errors.New("its argument is not a list")
}

// encodeBytes is how protocol 2, which has no bytes, writes them: as a string
// of the characters 0 to 255.
func encodeBytes(args pyTuple) (any, error) {
	if len(args) == 0 {
		return []byte{}, nil
	}
	text, ok := args[0].(string)
	if b, isBytes := args[0].([]byte); isBytes && len(args) == 1 {
		return b, nil
	}
	if !ok || len(args) != 2 || args[1] != "latin1" && args[1] != "latin-1" {
		return nil, errors.New("its arguments are not a string and \"latin1\"")
	}
	b := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 255 {
			return nil, fmt.Errorf("character %q is not a byte", r)
		}
		b = append(b, byte(r))
	}
	return b, nil
}

// rebuildTensor reads (storage, offset, size, stride, …); version 3 has the
// type in the seventh place, the others that of the storage.
func rebuildTensor(args pyTuple, typed bool) (any, error) {
	if len(args) < 4 || typed && len(args) < 7 {
		return nil, fmt.Errorf("%d arguments are too few", len(args))
	}
	s, ok := args[0].(*torchStorage)
	if !ok {
		return nil, fmt.Errorf("its first argument is %s, not a storage", kindOf(args[0]))
	}
	t := &torchTensor{storage: s, dtype: s.dtype}
	if typed {
		g, _ := args[6].(pyGlobal)
		if t.dtype = torchDType(g); t.dtype == "" {
			return nil, fmt.Errorf("type %s is not supported", kindOf(args[6]))
		}
	}
	if err := noBits(args, typed); err != nil {
		return nil, err
	}
	var err error
	if t.offset, err = pyIndex(args[1]); err != nil {
		return nil, fmt.Errorf("offset: %w", err)
	}
	if t.shape, err = pyIndices(args[2]); err != nil {
		return nil, fmt.Errorf("shape: %w", err)
	}
	if t.stride, err = pyIndices(args[3]); err != nil {
		return nil, fmt.Errorf("strides: %w", err)
	}
	return t, t.check()
}

// noBits refuses a tensor that is to be negated or conjugated when it is read,
// which the last argument says.
func noBits(args pyTuple, typed bool) error {
	at := 6
	if typed {
		at = 7
	}
	if len(args) <= at || args[at] == nil {
		return nil
	}
	d, ok := args[at].(*pyDict)
	if !ok {
		return fmt.Errorf("its metadata is %s", kindOf(args[at]))
	}
	for i, v := range d.values {
		if v != false {
			name, _ := d.keys[i].(string)
			return fmt.Errorf("metadata %.60q is not supported: save a copy, tensor.clone()", name)
		}
	}
	return nil
}

func torchDType(g pyGlobal) DType {
	for _, t := range torchTypes {
		if g.module == "torch" && g.name == t.dtype {
			return t.as
		}
	}
	return ""
}

func torchStorageType(g pyGlobal) DType {
	for _, t := range torchTypes {
		if t.storage != "" && g.name == t.storage {
			return t.as
		}
	}
	return ""
}

// pyIndex is a number from 0 to the largest int.
func pyIndex(v any) (int, error) {
	switch n := v.(type) {
	case int64:
		if n >= 0 && int64(int(n)) == n {
			return int(n), nil
		}
	case *big.Int:
	default:
		return 0, fmt.Errorf("%s is not a number", kindOf(v))
	}
	return 0, fmt.Errorf("%v is not from 0 to the largest int", v)
}

func pyIndices(v any) ([]int, error) {
	items, err := itemsOf(pyTuple{v})
	if err != nil {
		return nil, fmt.Errorf("%s is not a list of numbers", kindOf(v))
	}
	list := make([]int, len(items))
	for i, item := range items {
		if list[i], err = pyIndex(item); err != nil {
			return nil, err
		}
	}
	return list, nil
}
