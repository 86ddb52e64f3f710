package inkstone_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone"
)

// TestConvertToShard: a name of one shard of several is refused before anything is written: it may be
// one of the source's, and alone it is no model.
func TestConvertToShard(t *testing.T) {
	out := filepath.Join(t.TempDir(), "m-00002-of-00002.gguf")
	if _, err := inkstone.Convert("nothing", out, nil); err == nil || !strings.Contains(err.Error(), "one shard of several") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("it was written")
	}
}
