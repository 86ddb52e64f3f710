package hub_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/inkstone-ai/inkstone/format/hub"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// second is another commit, which shares a blob with the first.
const second = "89abcdef0123456789abcdef0123456789abcdef"

// cached makes a cache with two commits of org/model and one of old.
func cached(t *testing.T) hub.Config {
	t.Helper()
	c := hub.Config{Cache: filepath.Join(t.TempDir(), "hub")}
	put := func(path, text string) {
		path = filepath.Join(c.Cache, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	link := func(path, blob string) {
		path = filepath.Join(c.Cache, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.Symlink("../../blobs/"+blob, path)); err != nil {
			t.Fatal(err)
		}
	}
	const m = "models--org--model/"
	put(m+"blobs/aa", "12345")
	put(m+"blobs/bb", "1234567")
	put(m+"blobs/cc", "123456789")
	put(m+"blobs/dd.incomplete", "123")
	put(m+"refs/main", second)
	put(m+"refs/refs/pr/1", commit)
	link(m+"snapshots/"+commit+"/config.json", "aa")
	link(m+"snapshots/"+commit+"/model.safetensors", "bb")
	link(m+"snapshots/"+second+"/config.json", "aa")
	link(m+"snapshots/"+second+"/model.safetensors", "cc")
	put("models--old/snapshots/"+commit+"/config.json", "{}")
	put("models--old/refs/main", commit+"\n")
	put("datasets--org--data/refs/main", commit)
	put(".locks/models--org--model/aa.lock", "")
	return c
}

func TestList(t *testing.T) {
	c := cached(t)
	all, err := c.List()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range all {
		if r.Unfinished {
			if r.Commit != "" || r.Bytes != 3 {
				t.Errorf("unfinished: %+v, want 3 bytes of no commit", r)
			}
			r.Commit = "part"
		}
		got = append(got, strings.Join(append([]string{r.Name.String(), r.Commit[:4]}, r.Refs...), " "))
		if r.LastUsed.IsZero() || r.Files == 0 {
			t.Errorf("%s: used %v, %d files", r.Name, r.LastUsed, r.Files)
		}
	}
	want := []string{"old 0123 main", "org/model@refs/pr/1 0123 refs/pr/1", "org/model 89ab main", "org/model part"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if i := slices.IndexFunc(all, func(r hub.Cached) bool { return r.Commit == second }); all[i].Bytes != 14 || all[i].Files != 2 {
		t.Errorf("%d bytes of %d files, want 14 of 2", all[i].Bytes, all[i].Files)
	}
	if none, err := (hub.Config{Cache: filepath.Join(t.TempDir(), "absent")}).List(); err != nil || none != nil {
		t.Errorf("a cache that is not there: %v, %v", none, err)
	}
}

func TestFind(t *testing.T) {
	c := cached(t)
	for text, want := range map[string]string{
		"org/model": "models--org--model/snapshots/" + second, "org/model@refs/pr/1": "models--org--model/snapshots/" + commit,
		"org/model@" + commit: "models--org--model/snapshots/" + commit, "old": "models--old/snapshots/" + commit,
	} {
		if got, err := c.Find(name(t, text)); err != nil || got != filepath.Join(c.Cache, want) {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"org/absent", "org/model@v1", "org/model@" + strings.Repeat("0", 40)} {
		if _, err := c.Find(name(t, text)); !errors.Is(err, hub.ErrNotCached) || !strings.Contains(err.Error(), "inkstone pull "+text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// left lists the files below the cache.
func left(t *testing.T, c hub.Config) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(c.Cache, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(c.Cache, path)
			paths = append(paths, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// TestRemoveRevision takes what no other revision has.
func TestRemoveRevision(t *testing.T) {
	c := cached(t)
	r, err := c.Removal(name(t, "org/model@refs/pr/1"), false)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Revisions) != 1 || r.Blobs != 1 || r.Bytes != 7 {
		t.Errorf("%+v", r)
	}
	before := left(t, c)
	if err := r.Do(); err != nil {
		t.Fatal(err)
	}
	gone := slices.DeleteFunc(before, func(p string) bool { return slices.Contains(left(t, c), p) })
	want := []string{"models--org--model/blobs/bb", "models--org--model/refs/refs/pr/1",
		"models--org--model/snapshots/" + commit + "/config.json", "models--org--model/snapshots/" + commit + "/model.safetensors"}
	if diff := cmp.Diff(want, gone); diff != "" {
		t.Errorf("gone (-want +got):\n%s", diff)
	}
}

// TestRemoveName: of several names of a commit one goes, and the files stay for the others.
func TestRemoveName(t *testing.T) {
	c := cached(t)
	tag := filepath.Join(c.Cache, "models--org--model/refs/v1")
	if err := os.WriteFile(tag, []byte(second), 0o666); err != nil {
		t.Fatal(err)
	}
	before := left(t, c)
	r, err := c.Removal(name(t, "org/model@v1"), false)
	if err != nil || r.Ref != "v1" || !slices.Equal(r.Others, []string{"main"}) || len(r.Revisions)+r.Blobs > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := r.Do(); err != nil {
		t.Fatal(err)
	}
	gone := slices.DeleteFunc(before, func(p string) bool { return slices.Contains(left(t, c), p) })
	if want := []string{"models--org--model/refs/v1"}; !slices.Equal(gone, want) {
		t.Errorf("gone is %q, want %q", gone, want)
	}
	if r, err = c.Removal(name(t, "org/model@main"), false); err != nil || r.Ref != "" || r.Blobs != 1 { // the last name takes the files along
		t.Errorf("%+v, %v", r, err)
	}
}

func TestRemoveModel(t *testing.T) {
	c := cached(t)
	r, err := c.Removal(name(t, "org/model"), true)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Revisions) != 2 || r.Blobs != 4 || r.Bytes != 24 {
		t.Errorf("%+v", r)
	}
	if err := r.Do(); err != nil {
		t.Fatal(err)
	}
	for _, path := range left(t, c) {
		if strings.Contains(path, "org--model") {
			t.Errorf("%s is left", path)
		}
	}
	if len(left(t, c)) != 3 {
		t.Errorf("left is %q", left(t, c))
	}
	for text, all := range map[string]bool{"org/absent": true, "old@v1": false} {
		if _, err := c.Removal(name(t, text), all); !errors.Is(err, hub.ErrNotCached) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestRemoveCountsPlainFiles: files of snapshots that are no links go too, and those
// that are hard links to a blob count once.
func TestRemoveCountsPlainFiles(t *testing.T) {
	c := hub.Config{Cache: t.TempDir()}
	repo := filepath.Join(c.Cache, "models--org--model")
	dir := filepath.Join(repo, "snapshots", commit)
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "sub"), 0o777), os.MkdirAll(filepath.Join(repo, "blobs"), 0o777)); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{"snapshots/" + commit + "/config.json": "{}", "snapshots/" + commit + "/sub/x": "12345", "blobs/aa": "123"} {
		if err := os.WriteFile(filepath.Join(repo, path), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(repo, "blobs/aa"), filepath.Join(dir, "linked")); err != nil {
		t.Skipf("a disk without links: %v", err)
	}
	r, err := c.Removal(name(t, "org/model"), true)
	if err != nil || r.Blobs != 3 || r.Bytes != 10 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestParseName(t *testing.T) {
	for text, want := range map[string]hub.Name{
		"org/model": {"org/model", "main"}, "gpt2": {"gpt2", "main"}, "a-b/c.d_e@refs/pr/2": {"a-b/c.d_e", "refs/pr/2"}, "o/m@v1.0": {"o/m", "v1.0"},
	} {
		if got, err := hub.ParseName(text); err != nil || got != want {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "/", "a/b/c", "../x", "a/..", "a/b@", "a/b@../x", "a/b@/x", "a b", "a--b/c", "-a", strings.Repeat("a", 97), "a/b@x y", "C:/x", "a/b@x//y"} {
		if got, err := hub.ParseName(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestFromEnvironment(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("kept\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		env  map[string]string
		want hub.Config
	}{
		{map[string]string{"HOME": "/h"}, hub.Config{Cache: "/h/.cache/huggingface/hub", Endpoint: "https://huggingface.co"}},
		{map[string]string{"XDG_CACHE_HOME": "/x", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_OFFLINE": "0"}, hub.Config{Cache: "/x/huggingface/hub", Endpoint: "https://huggingface.co", Quiet: true}},
		{map[string]string{"HF_HOME": dir, "HF_ENDPOINT": "http://mirror/"}, hub.Config{Cache: dir + "/hub", Endpoint: "http://mirror", Token: "kept"}},
		{map[string]string{"HOME": dir, "HF_TOKEN_PATH": "~/token", "HF_HOME": "$DISK/${DIR}/$absent", "DISK": "/d", "DIR": "hf"},
			hub.Config{Cache: "/d/hf/${absent}/hub", Endpoint: "https://huggingface.co", Token: "kept"}},
		{map[string]string{"HF_HOME": dir, "HF_TOKEN": " giv\r\nen \n"}, hub.Config{Cache: dir + "/hub", Endpoint: "https://huggingface.co", Token: "given"}},
		{map[string]string{"HOME": "/h", "HF_HUB_CACHE": "~/c", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_SYMLINKS": "true", "HF_TOKEN_PATH": dir + "/token"},
			hub.Config{Cache: "/h/c", Endpoint: "https://huggingface.co", Token: "kept", Offline: true, Copies: true}},
	}
	for _, tt := range tests {
		got, err := hub.FromEnvironment(func(key string) string { return tt.env[key] })
		if err != nil || got != tt.want {
			t.Errorf("%v: got %+v, %v", tt.env, got, err)
		}
	}
	for _, env := range []map[string]string{{}, {"HF_HOME": dir, "HF_TOKEN_PATH": dir + "/absent"}} {
		if _, err := hub.FromEnvironment(func(key string) string { return env[key] }); err == nil {
			t.Errorf("%v: no error", env)
		}
	}
}

// TestPullToFullDisk: what has come is kept, and the next pull goes on.
func TestPullToFullDisk(t *testing.T) {
	if !testkit.Alone(t) {
		return
	}
	s := newServer(t, model(), "model.safetensors")
	c := s.client()
	testkit.FullDisk(t, 50_000, func() {
		_, err := c.Pull(ctx, name(t, "org/model"), hub.PullOptions{})
		if err == nil || !strings.Contains(err.Error(), "no room for model.safetensors of 100000 bytes: make room and pull again") {
			t.Errorf("a full disk: %v", err)
		}
	})
	got, err := c.Pull(ctx, name(t, "org/model"), hub.PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	check(t, got.Dir, s, wanted)
	if s.asked("bytes=") == 0 {
		t.Errorf("nothing was kept: %q", s.requests)
	}
}
