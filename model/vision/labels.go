package vision

import (
	"fmt"
	"strconv"
)

// Labels are the names of classes, as Hugging Face's config.json has them.
type Labels struct {
	Names   map[string]string `json:"id2label"`
	Numbers map[string]int    `json:"label2id,omitempty"`
}

// NewLabels numbers names in their order.
func NewLabels(names []string) Labels {
	l := Labels{map[string]string{}, map[string]int{}}
	for k, name := range names {
		l.Names[strconv.Itoa(k)], l.Numbers[name] = name, k
	}
	return l
}

// names are the names by number.
func (l Labels) names() (names []string) {
	for k := range len(l.Names) {
		names = append(names, l.Names[strconv.Itoa(k)])
	}
	return names
}

func (l Labels) check(kind string) error {
	if len(l.Names) < 2 || len(l.Names) > mostWidth {
		return fmt.Errorf("vision: %s config: id2label has %d classes, want 2 to %d", kind, len(l.Names), mostWidth)
	}
	for k := range len(l.Names) {
		if _, ok := l.Names[strconv.Itoa(k)]; !ok {
			return fmt.Errorf("vision: %s config: id2label has no class %d among its %d", kind, k, len(l.Names))
		}
	}
	return nil
}

// The largest dimensions that a config may ask for; a file of a few bytes must not ask
// for gigabytes.
const (
	mostWidth  = 1 << 16
	mostPixels = 1 << 14 // of a side
	mostLayers = 1 << 10
)

func checkImages(kind string, size [2]int, channels int, dropout float32) error {
	for _, n := range size {
		if n < 1 || n > mostPixels {
			return fmt.Errorf("vision: %s config: image_size is %v, want 1 to %d for each side", kind, size, mostPixels)
		}
	}
	if channels < 1 || channels > 1<<10 {
		return fmt.Errorf("vision: %s config: num_channels is %d, want 1 to 1024", kind, channels)
	}
	if dropout < 0 || dropout >= 1 {
		return fmt.Errorf("vision: %s config: hidden_dropout_prob %g is not in [0, 1)", kind, dropout)
	}
	return nil
}
