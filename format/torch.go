package format

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"path"
	"slices"
	"strings"
)

// Torch is an opened file of PyTorch's torch.save (.pt, .pth, .bin), in the zip
// form of PyTorch 1.6 and later or in the older one of pickles end to end. It
// implements [Weights].
//
// A tensor's name is the way to it: keys and indices, joined by dots. What
// torch.save(model.state_dict()) writes has the names of the weights; in a
// checkpoint {"model": {…}, "epoch": 3} they begin with "model.". Numbers,
// strings and what else is no tensor have no name here. A file that is one
// tensor alone calls it "tensor".
type Torch struct {
	path    string
	tensors map[string]*torchTensor
	dicts   map[string]bool // the ways to dictionaries
	file    *mapping
	closed  bool
}

// A torchStorage is a row of elements that tensors are views of.
type torchStorage struct {
	key      string
	dtype    DType
	elements int
	data     []byte
}

// A torchTensor is a view of a storage: element (i, j, …) is number
// offset + i·stride[0] + j·stride[1] + … of it.
type torchTensor struct {
	storage       *torchStorage
	dtype         DType // of the storage, but where that has bytes alone
	offset        int
	shape, stride []int
}

// OpenTorch maps the file at path and runs its pickle, which may build tensors
// and containers and nothing else; the tensors' bytes are not read.
//
// Errors, each with the path: what the system says; a pickle that names a
// function which is neither a container nor one of PyTorch's ways to write a
// tensor (the name is told; nothing of the file is run); a file of neither form,
// or of a big-endian machine; types that [DType] has not; a storage that is
// missing, shorter or longer than the pickle says; a view that leads out of its
// storage.
func OpenTorch(path string) (*Torch, error) {
	file, err := mapFile(path)
	if err != nil {
		return nil, fmt.Errorf("format: %w", err)
	}
	t, err := newTorch(path, file)
	if err != nil {
		return nil, errors.Join(err, file.close())
	}
	return t, nil
}

// ReadTorch is [OpenTorch] for a file that is in memory already; name stands for
// it in errors.
func ReadTorch(name string, file []byte) (*Torch, error) {
	return newTorch(name, &mapping{data: file})
}

func newTorch(path string, file *mapping) (*Torch, error) {
	t := &Torch{path: path, file: file}
	read := readLegacy
	switch b := file.data; {
	case bytes.HasPrefix(b, []byte("PK\x03\x04")):
		read = readZip
	case bytes.HasPrefix(b, []byte(lfsPointer)):
		return nil, fmt.Errorf("format: %s: %w", path, errLFS)
	case len(b) > 262 && string(b[257:262]) == "ustar":
		return nil, fmt.Errorf("format: %s: is a tar of a PyTorch before 0.1.10: load and save it with a newer one", path)
	}
	root, size, err := read(file.data)
	if err == nil {
		t.tensors, t.dicts, err = tensorsOf(root, size)
	}
	if err == nil {
		err = checkRepeats(t.tensors, len(file.data))
	}
	if err != nil {
		return nil, fmt.Errorf("format: %s: %w", path, err)
	}
	return t, nil
}

// Names returns the tensors' names in lexical order.
func (t *Torch) Names() []string { return sortedKeys(t.tensors) }

// Dictionary reports whether name is the way to a dictionary, as "model" is in a
// checkpoint {"model": {…}, "epoch": 3}, and not a beginning of tensors' names alone.
func (t *Torch) Dictionary(name string) bool { return t.dicts[name] }

// Tensor returns a tensor by its name; false where there is none. Data is a part
// of the mapping where the view is contiguous and at an address that its type
// allows, else a fresh copy. Tensor panics after Close.
func (t *Torch) Tensor(name string) (Tensor, bool) {
	if t.closed {
		panic("format: " + t.path + ": tensor asked for after Close")
	}
	x, ok := t.tensors[name]
	if !ok {
		return Tensor{}, false
	}
	out := Tensor{Name: name, DType: x.dtype, Shape: slices.Clone(x.shape)}
	if x.contiguous() {
		size := x.dtype.Size()
		begin, end := x.offset*size, (x.offset+out.Len())*size
		if out.Len() == 0 {
			begin, end = 0, 0
		}
		if out.Data = x.storage.data[begin:end:end]; aligned(out.Data, x.dtype.alignment()) {
			if t.file.unmap != nil {
				out.file = t.file
			}
			return out, true
		}
	}
	out.Data = gather(x)
	return out, true
}

// Close unmaps the file: every Data that Tensor returned is invalid then. A
// second call does nothing.
func (t *Torch) Close() error {
	t.closed = true
	if err := t.file.close(); err != nil {
		return fmt.Errorf("format: %s: unmap: %w", t.path, err)
	}
	return nil
}

// readZip reads the form of PyTorch 1.6 and later: NAME/data.pkl is the pickle,
// NAME/data/KEY are the storages.
func readZip(file []byte) (root any, size int, err error) {
	entries, err := openZip(file)
	if err != nil {
		return nil, 0, err
	}
	top := ""
	for _, name := range sortedKeys(entries) { // of several the first, each time
		if path.Base(name) == "data.pkl" && strings.Count(name, "/") <= 1 {
			top = strings.TrimSuffix(name, "data.pkl")
			break
		}
	}
	program, ok := entries[top+"data.pkl"]
	if !ok {
		return nil, 0, errors.New("the zip has no data.pkl: it was not written by torch.save")
	}
	if order, ok := entries[top+"byteorder"]; ok {
		b, err := zipText(file, order)
		if err != nil || string(bytes.TrimSpace(b)) != "little" {
			return nil, 0, errors.Join(err, bigEndian(string(b)))
		}
	}
	storages := map[string]*torchStorage{}
	u := &unpickler{call: torchCall, persistent: func(id any) (any, error) {
		s, err := storageOf(storages, id)
		if err != nil || s.data != nil {
			return s, err
		}
		f, ok := entries[top+"data/"+s.key]
		if !ok {
			return nil, fmt.Errorf("storage %q is not in the file", s.key)
		}
		if f.UncompressedSize64 != uint64(s.bytes()) { // before they are unpacked
			return nil, fmt.Errorf("storage %q takes %d bytes, the file has %d", s.key, s.bytes(), f.UncompressedSize64)
		}
		s.data, err = zipBytes(file, f)
		return s, err
	}}
	code, err := zipText(file, program)
	if err != nil {
		return nil, 0, err
	}
	root, _, err = u.unpickle(code)
	return root, len(code), err
}

// legacyMagic begins the older form (torch/serialization.py, MAGIC_NUMBER).
var legacyMagic, _ = new(big.Int).SetString("1950a86a20f9469cfc6c", 16)

// readLegacy reads the older form: pickles of a magic number, the protocol's
// version, the machine, the object and the storages' keys, then each storage as
// its number of elements, int64, and its bytes.
func readLegacy(file []byte) (root any, size int, err error) {
	storages := map[string]*torchStorage{}
	var views []*torchView
	u := &unpickler{call: torchCall}
	rest := file
	next := func() (any, error) {
		v, n, err := u.unpickle(rest)
		rest = rest[n:]
		return v, err
	}
	magic, err := next()
	if x, ok := magic.(*big.Int); err != nil || !ok || x.Cmp(legacyMagic) != 0 {
		return nil, 0, legacyError(magic, err)
	}
	if version, err := next(); err != nil || version != int64(1001) {
		return nil, 0, errors.Join(err, fmt.Errorf("PyTorch's protocol is %s, not 1001", kindOf(version)))
	}
	machine, err := next()
	if err != nil {
		return nil, 0, err
	}
	if d, ok := machine.(*pyDict); ok {
		if little, ok := d.get("little_endian"); ok && little != true {
			return nil, 0, bigEndian("big")
		}
	}
	u.persistent = func(id any) (any, error) {
		s, err := storageOf(storages, id)
		if err != nil {
			return nil, err
		}
		v, err := viewOf(s, id)
		if v == nil {
			return s, err
		}
		views = append(views, v)
		return v.storage, err
	}
	before := len(rest)
	if root, err = next(); err != nil {
		return nil, 0, err
	}
	size, u.persistent = before-len(rest), nil
	keys, err := next()
	if err != nil {
		return nil, 0, err
	}
	if err := legacyStorages(storages, keys, rest); err != nil {
		return nil, 0, err
	}
	for _, v := range views {
		if err := v.bind(); err != nil {
			return nil, 0, err
		}
	}
	return root, size, nil
}

// legacyError says why the first pickle is not the magic number: what is wanted
// of a pickle that would run something is the name of it.
func legacyError(value any, err error) error {
	if err != nil {
		return fmt.Errorf("neither a zip nor the older form of torch.save: %w", err)
	}
	return fmt.Errorf("neither a zip nor the older form of torch.save: it begins with %s", kindOf(value))
}

// legacyStorages gives the storages their bytes, which follow in the order of keys.
func legacyStorages(storages map[string]*torchStorage, keys any, rest []byte) error {
	list, ok := keys.(*pyList)
	if !ok {
		return fmt.Errorf("the storages' keys are %s, not a list", kindOf(keys))
	}
	for _, key := range list.items {
		name, _ := key.(string)
		s, ok := storages[name]
		if !ok || s.data != nil {
			return fmt.Errorf("storage %q is of no tensor, or there twice", name)
		}
		if len(rest) < 8 {
			return fmt.Errorf("storage %q: the file ends before it", name)
		}
		if n := binary.LittleEndian.Uint64(rest); n != uint64(s.elements) {
			return fmt.Errorf("storage %q has %d elements, the tensors say %d", name, n, s.elements)
		}
		if rest = rest[8:]; len(rest) < s.bytes() {
			return fmt.Errorf("storage %q takes %d bytes, the file has %d more", name, s.bytes(), len(rest))
		}
		s.data, rest = rest[:s.bytes():s.bytes()], rest[s.bytes():]
	}
	for _, name := range sortedKeys(storages) {
		if storages[name].data == nil {
			return fmt.Errorf("storage %q is not in the file", name)
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes after the last storage", len(rest))
	}
	return nil
}

// storageOf reads a persistent id, ("storage", type, key, device, elements, …),
// and returns the storage of that key.
func storageOf(storages map[string]*torchStorage, id any) (*torchStorage, error) {
	tuple, ok := id.(pyTuple)
	if !ok || len(tuple) < 5 || tuple[0] != "storage" {
		return nil, fmt.Errorf("persistent id %s is not of a storage", kindOf(id))
	}
	g, _ := tuple[1].(pyGlobal)
	key, ok := tuple[2].(string)
	if !ok {
		return nil, fmt.Errorf("the key of a storage is %s", kindOf(tuple[2]))
	}
	s := &torchStorage{key: key, dtype: torchStorageType(g)}
	if s.dtype == "" {
		return nil, fmt.Errorf("storage %q: type %s is not supported", key, kindOf(tuple[1]))
	}
	var err error
	if s.elements, err = pyIndex(tuple[4]); err != nil {
		return nil, fmt.Errorf("storage %q: elements: %w", key, err)
	}
	if _, ok := product([]int{s.elements}, s.dtype.Size()); !ok {
		return nil, fmt.Errorf("storage %q: %d elements overflow", key, s.elements)
	}
	first, ok := storages[key]
	if !ok {
		storages[key] = s
		return s, nil
	}
	if first.dtype != s.dtype || first.elements != s.elements {
		return nil, fmt.Errorf("storage %q is %d of %s and %d of %s", key, first.elements, first.dtype, s.elements, s.dtype)
	}
	return first, nil
}

func (s *torchStorage) bytes() int { return s.elements * s.dtype.Size() }

// A torchView is a storage that is a part of another, which the older form knows.
type torchView struct {
	storage, root *torchStorage
	offset        int
}

// viewOf reads the sixth part of a persistent id, None or (key, offset, elements).
func viewOf(root *torchStorage, id any) (*torchView, error) {
	tuple := id.(pyTuple)
	if len(tuple) < 6 || tuple[5] == nil {
		return nil, nil
	}
	view, ok := tuple[5].(pyTuple)
	if !ok || len(view) != 3 {
		return nil, fmt.Errorf("storage %q: its view is %s", root.key, kindOf(tuple[5]))
	}
	offset, err1 := pyIndex(view[1])
	elements, err2 := pyIndex(view[2])
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("storage %q: view: %w", root.key, err)
	}
	if offset > root.elements || elements > root.elements-offset {
		return nil, fmt.Errorf("storage %q: a view of %d elements at %d leads out of its %d", root.key, elements, offset, root.elements)
	}
	return &torchView{&torchStorage{root.key, root.dtype, elements, nil}, root, offset}, nil
}

func (v *torchView) bind() error {
	size := v.root.dtype.Size()
	begin := v.offset * size
	if begin+v.storage.bytes() > len(v.root.data) {
		return fmt.Errorf("storage %q: a view leads out of it", v.root.key)
	}
	v.storage.data = v.root.data[begin : begin+v.storage.bytes()]
	return nil
}

func bigEndian(order string) error {
	return fmt.Errorf("byte order %q: it was written on a big-endian machine; load and save it on a little-endian one", order)
}
