package inkstone

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/model"
)

// ownPrefix begins the names of this program's own architectures.
const ownPrefix = "inkstone_"

// noteLost reads the GGUF file that was written, and notes what the source says otherwise.
func (c *conversion) noteLost() error {
	file, err := format.OpenGGUF(c.report.Path)
	if err != nil {
		return err
	}
	folder, err := model.Folder(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	c.noteWindow(file.Meta())
	config := c.loaded.LM.Config()
	if kind, _ := model.Type(folder.Config); strings.HasPrefix(kind, ownPrefix) {
		c.note("other programs do not know the architecture %s: train a llama or a gpt2 for a file that they run", kind)
	}
	return errors.Join(c.noteDynamic(config),
		c.noteChanged("config.json", config, folder.Config),
		c.noteChanged("generation_config.json", c.loaded.Generation, folder.Generation))
}

// windowless are the architectures of GGUF files in which llama.cpp heeds no window.
var windowless = []string{"llama", "phi3", "qwen2", "qwen3", "qwen3moe"}

// noteWindow notes a window that this program heeds and others do not.
func (c *conversion) noteWindow(meta format.Metadata) {
	arch := meta.Keys("").StringOr("general.architecture", "")
	k := meta.Keys(arch + ".")
	window := k.IntOr("attention.sliding_window", 0)
	if window > 0 && window < k.IntOr("context_length", 0) && slices.Contains(windowless, arch) {
		c.note("other programs heed no window in a GGUF file of a %s: nothing changes up to %d tokens, and in longer texts each token sees all before it", arch, window)
	}
}

// toldOtherwise are the keys of a config.json that a GGUF file has in another form, or that the
// architecture's writer refuses where it has none.
var toldOtherwise = []string{
	"architectures", "model_type", "torch_dtype", "note", "activation_function", "bos_token_id", "eos_token_id", "pad_token_id",
	"rope_theta", "rope_scaling", "rope_parameters", "rope_local_base_freq", "partial_rotary_factor",
	"layer_types", "sliding_window", "sliding_window_pattern", "use_sliding_window", "max_window_layers",
	"no_rope_layers", "no_rope_layer_interval", "decoder_sparse_step", "mlp_only_layers",
}

// noteChanged compares the settings of a file, each by itself.
func (c *conversion) noteChanged(name string, had any, written []byte) error {
	source, err := json.Marshal(had)
	if err != nil {
		return err
	}
	var before, after map[string]any
	if err := errors.Join(json.Unmarshal(source, &before), json.Unmarshal(written, &after)); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		a, b := before[key], after[key]
		told := name == "config.json" && (slices.Contains(toldOtherwise, key) || isNothing(a) && isNothing(b))
		if told || a == nil || sameSetting(a, b) {
			continue
		}
		has := "none"
		if b != nil {
			has = inJSON(b)
		}
		c.note("%s: %s is %s, the GGUF file has %s", name, key, inJSON(a), has)
	}
	return nil
}

// isNothing says that a setting of a config.json is what an absent one is.
func isNothing(v any) bool {
	list, ok := v.([]any)
	return v == nil || ok && len(list) == 0 || reflect.ValueOf(v).IsZero()
}

// sameSetting compares numbers as the float32 that a GGUF file has.
func sameSetting(a, b any) bool {
	x, ok1 := a.(float64)
	y, ok2 := b.(float64)
	if ok1 && ok2 {
		return float32(x) == float32(y)
	}
	return reflect.DeepEqual(a, b)
}

func inJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// noteDynamic notes the one change of rotary frequencies that is left out, not refused: it
// changes none up to the context.
func (c *conversion) noteDynamic(config any) error {
	b, err := json.Marshal(config)
	if err != nil {
		return err
	}
	type rope struct {
		Type    string `json:"rope_type"`
		OldType string `json:"type"`
	}
	var said struct {
		Old rope `json:"rope_scaling"`
		New rope `json:"rope_parameters"`
	}
	if err := json.Unmarshal(b, &said); err != nil {
		return err
	}
	if slices.Contains([]string{said.Old.Type, said.Old.OldType, said.New.Type, said.New.OldType}, "dynamic") {
		c.note("config.json: rope_type dynamic has no place in a GGUF file: nothing changes up to %d tokens, and longer texts are read otherwise", c.loaded.LM.Shape().Context)
	}
	return nil
}
