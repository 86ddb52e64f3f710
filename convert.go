package inkstone

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
	"github.com/inkstone-ai/inkstone/tensor"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// ConvertOptions say how [Convert] writes a model. The zero value keeps the types of the weights.
type ConvertOptions struct {
	Type    string // f32, f16, bf16; of a GGUF file also one of [Recipes]; "": as the weights are
	Name    string // general.name of a GGUF file made of a folder; "": the folder's
	Threads int    // 0: one for each core

	// Adapters are folders of LoRA adapters that are merged into the weights in this order, see package model/adapter. A
	// changed weight is rounded once, to the type that is written.
	Adapters []string

	// Calibration is a text on which the importance of the columns is measured, for quantised
	// types; "": all matter alike. CalibrationTokens is how much of it is read, 0: all.
	Calibration       string
	CalibrationTokens int

	// ShardSize is the most bytes of weights in a file, a larger tensor excepted; 0: one file has all.
	// Shards of a GGUF file NAME.gguf are NAME-00001-of-00003.gguf and so on, also where one is enough;
	// a folder of few weights has one file.
	ShardSize int64

	// Progress is told the stage, "calibrate" or "write", and how much of it is done and all; nil: nobody.
	Progress func(stage string, done, all int64)
}

// A Conversion says what [Convert] wrote.
type Conversion struct {
	Path       string         `json:"path"` // of shards of a GGUF file that of the first
	Shards     int            `json:"shards,omitempty"`
	Type       string         `json:"model_type"`
	Recipe     string         `json:"type,omitempty"` // of a GGUF file; "": each weight's own
	Parameters int            `json:"parameters"`
	Bytes      int64          `json:"bytes"`           // of the weights
	Tensors    map[string]int `json:"tensors"`         // how many there are of each type
	Notes      []string       `json:"notes,omitempty"` // what the other form cannot hold, and types that were changed
}

// Recipes returns the names of the types that a GGUF file can be written in.
func Recipes() []string { return model.Recipes() }

// Convert writes a model in another form or type: in is a Hugging Face folder or a GGUF file, and so is
// out, a GGUF file when its name ends in .gguf. The tokenizer and the chat template go with
// it. What is written appears whole or not at all.
//
// Errors: those of [model.Load]; an architecture that GGUF files do not have; weights that are NaN or
// beyond the range of a type; a type that out cannot have; a folder out that has files already;
// the name of one shard of several; an adapter that is damaged, not supported or of another model, or
// without a type one of a GGUF file whose weights are quantised, when out is one too.
func Convert(in, out string, o *ConvertOptions) (*Conversion, error) {
	if o == nil {
		o = &ConvertOptions{}
	}
	if o.ShardSize < 0 {
		return nil, fmt.Errorf("convert: the size of a shard is %d", o.ShardSize)
	}
	same, err := o.replaces(in, out)
	if err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	if same {
		return nil, fmt.Errorf("convert: %s would replace its own source; give another name", out)
	}
	if stem, _, _, shard := format.ShardName(out); shard {
		return nil, fmt.Errorf("convert: %s is the name of one shard of several; give that of all, %s.gguf", out, stem)
	}
	c := &conversion{ConvertOptions: *o, in: in, out: out, device: tensor.CPU(o.Threads)}
	defer c.device.Close()
	c.report = &Conversion{Path: out}
	if err := c.load(); err != nil {
		return nil, err
	}
	defer c.loaded.Close()
	c.report.Type, c.report.Parameters = c.loaded.Type, model.Parameters(c.loaded.LM)
	if err := c.write(); err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	return c.report, c.count()
}

// replaces tells whether out, or a shard of out, would be written over in. How many shards there will be is not
// known yet: in may be one of as many.
func (o *ConvertOptions) replaces(in, out string) (bool, error) {
	if o.ShardSize == 0 || !format.NamesGGUF(out) {
		return sameFile(in, out)
	}
	_, no, n, shard := format.ShardName(in)
	if !shard {
		return false, nil
	}
	return sameFile(in, format.ShardPath(strings.TrimSuffix(out, filepath.Ext(out)), no, n, ".gguf"))
}

// sameFile tells whether two paths are one file; a path that is not there is no error.
func sameFile(a, b string) (bool, error) {
	first, err := os.Stat(a)
	if err != nil {
		return false, nil // opening it will say why
	}
	second, err := os.Stat(b)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(first, second), err
}

// conversion is one run of Convert.
type conversion struct {
	ConvertOptions
	in, out string
	device  *tensor.Device
	loaded  *model.Loaded
	report  *Conversion
}

func (c *conversion) write() error {
	if err := c.checkQuantised(); err != nil {
		return err
	}
	if format.NamesGGUF(c.out) {
		return c.writeGGUF()
	}
	return c.writeFolder()
}

func (c *conversion) note(format string, args ...any) {
	c.report.Notes = append(c.report.Notes, fmt.Sprintf(format, args...))
}

// writing is the progress of the weights.
func (c *conversion) writing() func(done, all int64) {
	if c.Progress == nil {
		return nil
	}
	return func(done, all int64) { c.Progress("write", done, all) }
}

// writeFolder writes a Hugging Face folder.
func (c *conversion) writeFolder() error {
	types := map[string]format.DType{"": "", "F32": format.F32, "F16": format.F16, "BF16": format.BF16}
	d, ok := types[strings.ToUpper(c.Type)]
	if !ok {
		return fmt.Errorf("a folder has no weights of type %s, only f32, f16 and bf16; give a name that ends in .gguf", c.Type)
	}
	if c.Calibration != "" {
		return errors.New("a calibration text is for quantised types alone")
	}
	if err := isFree(c.out); err != nil {
		return err
	}
	folder, err := c.tokenizerFiles()
	if err != nil {
		return err
	}
	folder.Dir = c.out
	err = model.SaveFolder(folder, c.loaded.LM, model.FolderOptions{Generation: c.loaded.Generation, Type: d, Finite: true, Threads: c.Threads, ShardSize: c.ShardSize, Progress: c.writing()})
	if err != nil {
		return err
	}
	c.report.Shards, err = format.FolderShards(c.out)
	return err
}

// isFree refuses a folder that has files already: those of another model that the new one does
// not replace, a template or shards of weights, would be taken for its own.
func isFree(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			return fmt.Errorf("%s is there and has files, %s among them; give another name or remove it first", dir, e.Name())
		}
	}
	return nil
}

// tokenizerFiles are the small files that go to a folder.
func (c *conversion) tokenizerFiles() (*format.Folder, error) {
	if !format.IsGGUF(c.in) {
		return c.folderFiles()
	}
	file, err := format.OpenGGUF(c.in)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	folder, err := model.Folder(file)
	if err != nil {
		return nil, err
	}
	folder.Tokenizer, err = tokenizerJSON(file.Meta())
	if err != nil {
		c.note("no tokenizer.json: %v", err)
		return folder, nil
	}
	special, err := tokenizer.ConfigOfGGUF(file.Meta())
	if err == nil {
		folder.TokenizerConfig, err = special.JSON()
	}
	return folder, err
}

// folderFiles are those of a folder. One that has no tokenizer.json, but another form of it, gets one.
func (c *conversion) folderFiles() (*format.Folder, error) {
	folder, err := format.OpenFolder(c.in)
	if err != nil || folder.Tokenizer != nil {
		return folder, err
	}
	t, err := tokenizer.Load(c.in)
	if err == nil {
		folder.Tokenizer, err = tokenizer.JSON(t)
	}
	if err != nil {
		c.note("no tokenizer.json: %v", err)
	}
	return folder, nil
}

// tokenizerJSON is the tokenizer of a GGUF file.
func tokenizerJSON(meta format.Metadata) ([]byte, error) {
	if whole, err := wholeTokenizer(meta); whole != nil || err != nil {
		return whole, err
	}
	t, err := tokenizer.ParseGGUF(meta)
	if err != nil {
		return nil, err
	}
	return tokenizer.JSON(t)
}

// writeGGUF writes a GGUF file.
func (c *conversion) writeGGUF() error {
	if err := model.CheckGGUF(c.loaded.LM); err != nil { // before a text is read for it
		return err
	}
	o := model.GGUFOptions{Generation: c.loaded.Generation, Threads: c.Threads, Progress: c.writing()}
	var err error
	if o.Meta, err = c.metadata(); err != nil {
		return err
	}
	var recipe *model.Recipe
	if c.Type != "" {
		if recipe, err = model.NewRecipe(c.Type, c.loaded.LM, c.Calibration != ""); err != nil {
			return err
		}
		o.Type, o.Meta["general.file_type"], c.report.Recipe = recipe.Type, recipe.FileType, recipe.Name
	}
	if c.Calibration != "" {
		if o.Importance, err = c.importance(); err != nil {
			return err
		}
	}
	if err := c.saveGGUF(o); err != nil {
		return err
	}
	if recipe != nil {
		for _, name := range slices.Sorted(maps.Keys(recipe.Changed)) {
			c.note("%s is %s: its rows are no multiple of %d", name, recipe.Changed[name], blockMissed(recipe.Changed[name]))
		}
	}
	return c.noteLost()
}

// blockMissed is the length that rows are no multiple of where they became of type d: what has no blocks
// stands for blocks of any length.
func blockMissed(d format.DType) int {
	if d.Quantised() {
		return format.Q6_K.Block()
	}
	return format.Q8_0.Block()
}

// saveGGUF writes one file or shards.
func (c *conversion) saveGGUF(o model.GGUFOptions) (err error) {
	if c.ShardSize == 0 {
		return model.SaveGGUF(c.out, c.loaded.LM, o)
	}
	c.report.Path, err = model.SaveGGUFShards(c.out, c.ShardSize, c.loaded.LM, o)
	_, _, c.report.Shards, _ = format.ShardName(c.report.Path)
	return err
}

// importance measures how much the columns of each matrix matter.
func (c *conversion) importance() (func(name string) []float32, error) {
	text, err := os.ReadFile(c.Calibration)
	if err != nil {
		return nil, err
	}
	m, err := OpenTokenizer(c.in)
	if err != nil {
		return nil, err
	}
	ids := m.Encode(string(text))
	if c.CalibrationTokens > 0 {
		ids = ids[:min(len(ids), c.CalibrationTokens)]
	}
	c.loaded.Pack()
	window := c.loaded.LM.Shape().Context
	measured, err := model.MeasureImportance(c.loaded.LM, c.device, ids, min(window, calibrationWindow), func(done int) {
		if c.Progress != nil {
			c.Progress("calibrate", int64(done), int64(len(ids)))
		}
	})
	if err != nil {
		return nil, err
	}
	return measured.Of, nil
}

// calibrationWindow is the most tokens that are read at once: long enough for typical
// activations, short enough for little memory.
const calibrationWindow = 512

// metadata are the keys beside the model's.
func (c *conversion) metadata() (format.Metadata, error) {
	if format.IsGGUF(c.in) {
		return c.keptMetadata()
	}
	in, err := filepath.Abs(c.in) // the name of "." too
	if err != nil {
		return nil, err
	}
	meta := format.Metadata{"general.name": or(c.Name, filepath.Base(in))}
	if source, err := tokenizer.TemplateSource(c.in); err == nil {
		meta["tokenizer.chat_template"] = source
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return meta, c.addTokenizer(meta)
}

// keptMetadata are the source's keys but those that are made anew.
func (c *conversion) keptMetadata() (format.Metadata, error) {
	file, err := format.OpenGGUF(c.in)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	meta := file.Meta()
	for key := range meta {
		prefix, _, _ := strings.Cut(key, ".")
		if prefix != "general" && prefix != "tokenizer" || key == "general.architecture" || key == "general.alignment" {
			delete(meta, key)
		}
	}
	if c.Type != "" {
		delete(meta, "general.file_type")
	}
	return meta, nil
}

// addTokenizer sets the keys of the tokenizer. One that GGUF has no form for goes along as the
// tokenizer.json that it is: this program reads it.
func (c *conversion) addTokenizer(meta format.Metadata) error {
	t, err := tokenizer.Load(c.in)
	if errors.Is(err, fs.ErrNotExist) {
		c.note("no tokenizer: the folder has none")
		meta["tokenizer.ggml.model"] = "no_vocab"
		return nil
	}
	if err != nil {
		return err
	}
	gone, err := fitVocabulary(c.loaded.LM, t, c.in)
	if err != nil {
		return err
	}
	if len(gone) > 0 {
		c.note("tokenizer: the model has no rows for added tokens: %d, the first is %q", len(gone), gone[0].Content)
	}
	keys, err := tokenizer.GGUF(t, c.loaded.LM.Shape().Vocab)
	if err == nil {
		maps.Copy(meta, keys)
		for _, lost := range tokenizer.GGUFLost(t) {
			c.note("tokenizer: in the GGUF file %s", lost)
		}
		return nil
	}
	c.note("other programs have no such tokenizer, and take and give ids alone: %v", err)
	data, err := tokenizer.JSON(t)
	if err != nil {
		return err
	}
	meta["tokenizer.ggml.model"], meta[wholeKey] = "no_vocab", string(data)
	return nil
}

// count reads what was written.
func (c *conversion) count() error {
	w, err := format.OpenWeights(c.report.Path)
	if err != nil {
		return err
	}
	defer w.Close()
	c.report.Tensors = map[string]int{}
	for _, name := range w.Names() {
		t, _ := w.Tensor(name)
		c.report.Tensors[string(t.DType)]++
		c.report.Bytes += int64(len(t.Data))
	}
	return nil
}
