package hub_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/inkstone-ai/inkstone/format/hub"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

var ctx = context.Background()

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func name(t *testing.T, text string) hub.Name {
	t.Helper()
	n, err := hub.ParseName(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// model is a repository with what a model needs and what it does not.
func model() map[string]string {
	return map[string]string{
		"config.json": `{"model_type":"llama"}`, "tokenizer.json": "{}", "README.md": "---\nlicense: mit\n---\n", "LICENSE": "MIT",
		"model.safetensors": noise(100_000), "pytorch_model.bin": noise(1000), "onnx/model.onnx": noise(2000),
		"additional_chat_templates/tool.jinja": "{{ x }}", ".gitattributes": "*",
	}
}

// wanted are the files of model that are fetched without patterns.
var wanted = []string{"LICENSE", "README.md", "additional_chat_templates/tool.jinja", "config.json", "model.safetensors", "tokenizer.json"}

// check compares a snapshot with the server's files.
func check(t *testing.T, dir string, s *server, want []string) {
	t.Helper()
	var got []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		if string(b) != s.files[filepath.ToSlash(rel)] {
			t.Errorf("%s has other bytes", rel)
		}
		got = append(got, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// TestPull fetches a model and looks at the cache as the hub's programs know it.
func TestPull(t *testing.T) {
	s := newServer(t, model(), "model.safetensors", "onnx/model.onnx")
	s.token = "secret"
	c := s.client()
	var last, total int64
	got, err := c.Pull(ctx, name(t, "org/model"), hub.PullOptions{Progress: func(done, of, _ int64) { last, total = done, of }})
	if err != nil {
		t.Fatal(err)
	}
	repo := filepath.Join(c.Cache, "models--org--model")
	if want := filepath.Join(repo, "snapshots", commit); got.Dir != want || got.Commit != commit {
		t.Errorf("got %s, want %s", got.Dir, want)
	}
	check(t, got.Dir, s, wanted)
	if last != total || total != got.Bytes || total < 100_000 {
		t.Errorf("progress ends at %d of %d, %d came", last, total, got.Bytes)
	}
	if b := testkit.ReadFile(t, filepath.Join(repo, "refs/main")); string(b) != commit {
		t.Errorf("refs/main is %q", b)
	}
	link, err := os.Readlink(filepath.Join(got.Dir, "additional_chat_templates/tool.jinja"))
	if want := "../../../blobs/" + gitHash("{{ x }}"); err != nil || link != want {
		t.Errorf("link %q, want %q (%v)", link, want, err)
	}
	for _, path := range []string{"blobs/" + largeHash(s.files["model.safetensors"]), ".no_exist/" + commit + "/generation_config.json"} {
		if _, err := os.Stat(filepath.Join(repo, path)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(c.Cache, ".locks/models--org--model", largeHash(s.files["model.safetensors"])+".lock")); err != nil {
		t.Error(err)
	}
	if s.leaked {
		t.Error("the token went to the storage")
	}
	if s.asked("cursor") != 0 || s.asked("/tree/") != 4 {
		t.Errorf("%d pages were asked for", s.asked("/tree/"))
	}
	again, err := c.Pull(ctx, name(t, "org/model@"+commit), hub.PullOptions{})
	if err != nil || again.Bytes != 0 || again.Dir != got.Dir {
		t.Errorf("a second pull: %+v, %v", again, err)
	}
	if dir, err := c.Find(name(t, "org/model")); err != nil || dir != got.Dir {
		t.Errorf("found %s, %v", dir, err)
	}
}

// TestPullThroughTrouble has what may happen to a transfer; every one ends with
// the right file.
func TestPullThroughTrouble(t *testing.T) {
	// times counts calls from several goroutines.
	times := func(f func(n int, w http.ResponseWriter, r *http.Request, content string) bool) func(http.ResponseWriter, *http.Request, string) bool {
		var mu sync.Mutex
		n := 0
		return func(w http.ResponseWriter, r *http.Request, content string) bool {
			mu.Lock()
			n++
			now := n
			mu.Unlock()
			return f(now, w, r, content)
		}
	}
	cut := func(w http.ResponseWriter, content string, at int) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		w.Write([]byte(content[:at]))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	size := len(model()["model.safetensors"])
	var refused time.Time
	tests := []struct {
		name    string
		storage func(n int, w http.ResponseWriter, r *http.Request, content string) bool
		ranges  []string // that must have been asked for
		notice  string
	}{
		{"cut at 99 %", func(n int, w http.ResponseWriter, r *http.Request, content string) bool {
			if n == 1 {
				cut(w, content, size*99/100)
			}
			return false
		}, []string{fmt.Sprintf("bytes=%d-", size*99/100)}, ""},
		{"cut again and again", func(n int, w http.ResponseWriter, r *http.Request, content string) bool {
			if n < 20 {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", 1000*(n-1), size-1, size))
				w.Header().Set("Content-Length", fmt.Sprint(size-1000*(n-1)))
				if n > 1 {
					w.WriteHeader(http.StatusPartialContent)
				}
				w.Write([]byte(content[1000*(n-1) : 1000*n]))
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			}
			return false
		}, []string{"bytes=1000-", "bytes=19000-"}, ""},
		{"no ranges", func(n int, w http.ResponseWriter, r *http.Request, content string) bool {
			if n == 1 {
				cut(w, content, 5000)
			}
			w.Write([]byte(content))
			return true
		}, []string{"bytes=5000-"}, ""},
		{"a short answer of no length", func(n int, w http.ResponseWriter, r *http.Request, content string) bool {
			if n == 1 {
				w.Write([]byte(content[:5000]))
				w.(http.Flusher).Flush()
			}
			return n == 1
		}, []string{"bytes=5000-"}, ""},
		{"another range than was asked for", func(n int, w http.ResponseWriter, r *http.Request, content string) bool {
			switch n {
			case 1:
				cut(w, content, 5000)
			case 2:
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", size-1, size))
				w.WriteHeader(http.StatusPartialContent)
				w.Write([]byte(content))
			}
			return n <= 2
		}, []string{"bytes=5000-"}, ""},
		{"a wrong checksum, once", func(n int, w http.ResponseWriter, r *http.Request, content string) bool {
			if n == 1 {
				w.Write([]byte(strings.Repeat("x", size)))
			}
			return n == 1
		}, nil, "wrong checksum"},
		{"the server is away", func(n int, w http.ResponseWriter, r *http.Request, content string) bool {
			if n < 4 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return n < 4
		}, nil, "answers 503 Service Unavailable: again in "},
		{"too many requests", func(n int, w http.ResponseWriter, r *http.Request, content string) bool {
			if n == 1 {
				refused = time.Now()
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusTooManyRequests)
			} else if waited := time.Since(refused); waited < time.Second {
				t.Errorf("asked again after %s, the server wants a second", waited)
			}
			return n == 1
		}, nil, "answers 429 Too Many Requests: again in 1s"},
		{"the request took too long", func(n int, w http.ResponseWriter, r *http.Request, content string) bool {
			if n == 1 {
				w.WriteHeader(http.StatusRequestTimeout)
			}
			return n == 1
		}, nil, ""},
		{"a slow trickle", func(n int, w http.ResponseWriter, r *http.Request, content string) bool {
			for i := 0; i < size; i += size / 8 {
				w.Write([]byte(content[i:min(i+size/8, size)]))
				w.(http.Flusher).Flush()
				time.Sleep(150 * time.Millisecond) // all of it takes longer than the pause that is a stall
			}
			return true
		}, nil, ""},
		{"a stall", func(n int, w http.ResponseWriter, r *http.Request, content string) bool {
			if n == 1 {
				w.Header().Set("Content-Length", fmt.Sprint(size))
				w.Write([]byte(content[:3000]))
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}
			return n == 1
		}, []string{"bytes=3000-"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, model(), "model.safetensors")
			s.storage = times(tt.storage)
			var notices []string
			got, err := s.client().Pull(ctx, name(t, "org/model"), hub.PullOptions{Notice: func(text string) { notices = append(notices, text) }})
			if err != nil {
				t.Fatal(err)
			}
			check(t, got.Dir, s, wanted)
			for _, r := range tt.ranges {
				if s.asked(r) == 0 {
					t.Errorf("%s was not asked for: %q", r, s.requests)
				}
			}
			if !strings.Contains(strings.Join(notices, "\n"), tt.notice) {
				t.Errorf("notices %q lack %q", notices, tt.notice)
			}
		})
	}
}

// TestRetryAfter: seconds or a date; anything else asks for nothing.
func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-7": 0, "soon": 0, "Mon, 02 Jan 2006 15:04:05 GMT": 0} {
		if got := hub.RetryAfter(value); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
	in := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	if got := hub.RetryAfter(in); got < 59*time.Minute || got > time.Hour {
		t.Errorf("%q: %s, want an hour", in, got)
	}
}

// TestPullWaitsForNothing: a pull that waits for another one's file ends when it is called off.
func TestPullWaitsForNothing(t *testing.T) {
	s := newServer(t, model(), "model.safetensors")
	asked, goOn := make(chan struct{}), make(chan struct{})
	s.storage = func(http.ResponseWriter, *http.Request, string) bool {
		close(asked)
		<-goOn
		return false
	}
	c := s.client()
	c.Hurry(time.Millisecond, time.Minute)
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := c.Pull(ctx, name(t, "org/model"), hub.PullOptions{}); err != nil {
			t.Error(err)
		}
	})
	<-asked
	waiting, leave := context.WithCancel(ctx)
	ended := make(chan error)
	go func() {
		_, err := c.Pull(waiting, name(t, "org/model"), hub.PullOptions{Notice: func(text string) {
			if strings.Contains(text, "is being fetched by another pull") {
				leave()
			}
		}})
		ended <- err
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("called off: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it still waits, though it was called off")
	}
	close(goOn)
	first.Wait()
}

// TestPullGoesOn: a pull that dies at 99 % is finished by the next, which asks
// for the last percent alone, and until then the model is not there.
func TestPullGoesOn(t *testing.T) {
	s := newServer(t, model(), "model.safetensors")
	size := len(s.files["model.safetensors"])
	dying, die := context.WithCancel(ctx)
	var part string
	s.storage = func(w http.ResponseWriter, r *http.Request, content string) bool {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		w.Write([]byte(content[:size*99/100]))
		w.(http.Flusher).Flush()
		for range 1000 { // until all that was sent is in the file
			if info, err := os.Stat(part); err == nil && info.Size() >= int64(size*99/100) {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		die()
		<-r.Context().Done()
		return true
	}
	c := s.client()
	part = filepath.Join(c.Cache, "models--org--model/blobs", largeHash(s.files["model.safetensors"])+".incomplete")
	if _, err := c.Pull(dying, name(t, "org/model"), hub.PullOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if _, err := c.Find(name(t, "org/model")); !errors.Is(err, hub.ErrNotCached) {
		t.Errorf("an incomplete model was found: %v", err)
	}
	s.storage = nil
	got, err := c.Pull(ctx, name(t, "org/model"), hub.PullOptions{Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	check(t, got.Dir, s, wanted)
	if s.asked(fmt.Sprintf("bytes=%d-", size*99/100)) == 0 {
		t.Errorf("the rest was not asked for: %q", s.requests)
	}
}

// TestPullOfBrokenPart: what another program left is not of this file.
func TestPullOfBrokenPart(t *testing.T) {
	for _, left := range []string{noise(40)[20:], strings.Repeat("x", 200_000), noise(100_000)[1:] + "x"} {
		s := newServer(t, model(), "model.safetensors")
		c := s.client()
		blob := filepath.Join(c.Cache, "models--org--model/blobs", largeHash(s.files["model.safetensors"]))
		if err := errors.Join(os.MkdirAll(filepath.Dir(blob), 0o777), os.WriteFile(blob+".incomplete", []byte(left), 0o666)); err != nil {
			t.Fatal(err)
		}
		var before int64
		got, err := c.Pull(ctx, name(t, "org/model"), hub.PullOptions{Progress: func(_, _, there int64) { before = there }})
		if err != nil {
			t.Fatal(err)
		}
		check(t, got.Dir, s, wanted)
		if before != 0 {
			t.Errorf("%d bytes that were thrown away count as there before", before)
		}
	}
}

// TestPullsAtOnce share the work.
func TestPullsAtOnce(t *testing.T) {
	s := newServer(t, model(), "model.safetensors")
	s.storage = func(http.ResponseWriter, *http.Request, string) bool {
		time.Sleep(300 * time.Millisecond)
		return false
	}
	c := s.client()
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			got, err := c.Pull(ctx, name(t, "org/model"), hub.PullOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			check(t, got.Dir, s, wanted)
		})
	}
	wait.Wait()
	if n := s.asked("/" + largeHash(s.files["model.safetensors"])); n != 1 {
		t.Errorf("the weights were fetched %d times", n)
	}
}

func TestPullWithCopies(t *testing.T) {
	s := newServer(t, model(), "model.safetensors")
	c := s.client()
	c.Copies = true
	got, err := c.Pull(ctx, name(t, "org/model"), hub.PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	check(t, got.Dir, s, wanted)
	if info, err := os.Lstat(filepath.Join(got.Dir, "config.json")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("config.json is no file: %v %v", info.Mode(), err)
	}
	if again, err := c.Pull(ctx, name(t, "org/model"), hub.PullOptions{}); err != nil || again.Bytes != 0 {
		t.Errorf("a second pull: %+v, %v", again, err)
	}
}

// answers makes a server answer with a status.
func answers(status int, code string) func(w http.ResponseWriter) bool {
	return func(w http.ResponseWriter) bool {
		w.Header().Set("X-Error-Code", code)
		w.WriteHeader(status)
		return true
	}
}

func TestPullRefuses(t *testing.T) {
	const api, resolve = "/api/models/org/model", "/org/model/resolve/"
	tests := []struct {
		name   string
		model  string
		change func(s *server, c *hub.Client)
		says   []string
	}{
		{"no such model", "org/other", nil, []string{"there is no model org/other at http", "set HF_TOKEN"}},
		{"no such revision", "org/model@v2", nil, []string{`org/model has no branch, tag or commit "v2"`}},
		{"private", "org/model", func(s *server, c *hub.Client) { s.token = "secret" }, []string{"or it is private", "set HF_TOKEN"}},
		{"wrong token", "org/model", func(s *server, c *hub.Client) { s.token, c.Token = "secret", "other" }, []string{"check that the token of HF_TOKEN"}},
		{"plain 401", "org/model", func(s *server, c *hub.Client) { s.status[api] = answers(401, "") }, []string{"401 Unauthorized", "set HF_TOKEN"}},
		{"gated", "org/model", func(s *server, c *hub.Client) { s.status[resolve] = answers(403, "GatedRepo") }, []string{"accept them at http", "/org/model, and set HF_TOKEN"}},
		{"file gone", "org/model", func(s *server, c *hub.Client) { s.status[resolve] = answers(404, "EntryNotFound") }, []string{"has no file /org/model/resolve/"}},
		{"away", "org/model", func(s *server, c *hub.Client) { s.status[api] = answers(502, "") }, []string{"502 Bad Gateway", "after 6 attempts"}},
		{"long wait", "org/model", func(s *server, c *hub.Client) {
			s.status[api] = func(w http.ResponseWriter) bool {
				w.Header().Set("Retry-After", "3600")
				w.WriteHeader(429)
				return true
			}
		}, []string{"it asks to wait 1h0m0s"}},
		{"no hub", "org/model", func(s *server, c *hub.Client) {
			s.status[api] = func(w http.ResponseWriter) bool { fmt.Fprint(w, "<html>"); return true }
		}, []string{"is not a hub", "HF_ENDPOINT"}},
		{"no such revision at a mirror", "org/model@v2", func(s *server, c *hub.Client) { s.status[api] = answers(404, "") }, []string{`or no branch, tag or commit "v2" of it`}},
		{"a circle", "org/model", func(s *server, c *hub.Client) {
			n := 0
			s.status[api] = func(w http.ResponseWriter) bool {
				if n++; n > 10 {
					t.Error("asked again though the answer goes in circles")
				}
				w.Header().Set("Location", api+"/revision/main")
				w.WriteHeader(302)
				return true
			}
		}, []string{"redirected 10 times", "HF_ENDPOINT"}},
		{"no address", "org/model", func(s *server, c *hub.Client) { c.Endpoint = "mirror.example:80" }, []string{`HF_ENDPOINT "mirror.example:80" is not an address`, "https://"}},
		{"no server", "org/model", func(s *server, c *hub.Client) { s.hub.Close() }, []string{"connection refused", "after 6 attempts"}},
		{"offline", "org/model", func(s *server, c *hub.Client) { c.Offline = true }, []string{"HF_HUB_OFFLINE is set"}},
		{"wrong checksum", "org/model", func(s *server, c *hub.Client) {
			s.storage = func(w http.ResponseWriter, r *http.Request, content string) bool {
				fmt.Fprint(w, strings.Repeat("x", len(content)))
				return true
			}
		}, []string{"model.safetensors: its bytes have the hash", "nothing of it is kept"}},
		{"too long", "org/model", func(s *server, c *hub.Client) {
			s.storage = func(w http.ResponseWriter, r *http.Request, content string) bool {
				fmt.Fprint(w, content+"x")
				return true
			}
		}, []string{"the server sends more than the 100000 bytes"}},
		{"a path above", "org/model", func(s *server, c *hub.Client) { s.treePath = func(p string) string { return "../" + p } }, []string{"leads out of the model's folder"}},
		{"an absolute path", "org/model", func(s *server, c *hub.Client) { s.treePath = func(p string) string { return "/etc/" + p } }, []string{"leads out of the model's folder"}},
		{"a path of Windows", "org/model", func(s *server, c *hub.Client) { s.treePath = func(p string) string { return `..\` + p } }, []string{"leads out of the model's folder"}},
		{"a path that speaks to the terminal", "org/model", func(s *server, c *hub.Client) { s.treePath = func(p string) string { return "\x1b[2J" + p } }, []string{"has control characters"}},
		{"a path twice", "org/model", func(s *server, c *hub.Client) { s.treePath = func(string) string { return "config.json" } }, []string{`"config.json" is there twice`}},
		{"a list elsewhere", "org/model", func(s *server, c *hub.Client) {
			s.status[api+"/tree"] = func(w http.ResponseWriter) bool {
				w.Header().Set("Link", `<http://elsewhere.example/x>; rel="next"`)
				fmt.Fprint(w, "[]")
				return true
			}
		}, []string{"continues its list at another host, elsewhere.example"}},
		{"a list without an end", "org/model", func(s *server, c *hub.Client) {
			n := 0
			s.status[api+"/tree"] = func(w http.ResponseWriter) bool {
				n++
				w.Header().Set("Link", fmt.Sprintf(`<%s/api/models/org/model/tree/x?cursor=%d>; rel="next"`, s.hub.URL, n))
				fmt.Fprint(w, `[{"type":"directory","path":"a"}]`)
				return n <= 5000
			}
		}, []string{"its list of files does not end"}},
		{"half a file, again and again", "org/model", func(s *server, c *hub.Client) {
			c.Hurry(time.Millisecond, 50*time.Millisecond)
			s.storage = func(w http.ResponseWriter, r *http.Request, content string) bool {
				w.Header().Set("Content-Length", fmt.Sprint(len(content)))
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				return true
			}
		}, []string{"model.safetensors: nothing came for 50ms", "after 6 attempts"}},
		{"half an answer", "org/model", func(s *server, c *hub.Client) {
			c.Hurry(time.Millisecond, 50*time.Millisecond)
			s.status[api] = func(w http.ResponseWriter) bool {
				w.Header().Set("Content-Length", "100")
				fmt.Fprint(w, `{"sha":"`)
				w.(http.Flusher).Flush()
				time.Sleep(500 * time.Millisecond)
				return true
			}
		}, []string{"nothing came for 50ms", "after 6 attempts"}},
		{"a commit that is a path", "org/model", func(s *server, c *hub.Client) {
			s.status[api+"/revision"] = func(w http.ResponseWriter) bool { fmt.Fprint(w, `{"sha":"../../x"}`); return true }
		}, []string{`commit "../../x" is not one of git`}},
		{"GGUF files", "org/model", func(s *server, c *hub.Client) {
			s.files = map[string]string{"a-Q4_0.gguf": "x", "a-Q8_0.gguf": "y", "README.md": ""}
		}, []string{"each of these is the whole model: a-Q4_0.gguf, a-Q8_0.gguf", `--include "a-Q4_0.gguf"`}},
		{"no weights", "org/model", func(s *server, c *hub.Client) { s.files = map[string]string{"README.md": "x", "tf_model.h5": "y"} }, []string{"no weights that are known", "it has README.md, tf_model.h5"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, model(), "model.safetensors")
			c := s.client()
			if tt.change != nil {
				tt.change(s, c)
			}
			_, err := c.Pull(ctx, name(t, tt.model), hub.PullOptions{})
			for _, says := range tt.says {
				if err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("got %v, want %q", err, says)
				}
			}
			if _, err := c.Find(name(t, tt.model)); !errors.Is(err, hub.ErrNotCached) {
				t.Errorf("a model that was not fetched is found: %v", err)
			}
			part := filepath.Join(c.Cache, "models--org--model/blobs", largeHash(s.files["model.safetensors"])+".incomplete")
			if info, err := os.Stat(part); tt.name == "wrong checksum" && (err != nil || info.Size() > 0) {
				t.Errorf("bytes of a wrong checksum are kept: %v, %v", info, err)
			}
		})
	}
}

// TestChoose selects files by their names.
func TestChoose(t *testing.T) {
	files := func(names string) (all []hub.File) {
		for _, n := range strings.Fields(names) {
			all = append(all, hub.File{Path: n})
		}
		return all
	}
	tests := []struct{ name, files, include, exclude, want string }{
		{"shards", "model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json consolidated.safetensors config.json", "", "",
			"model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json config.json"},
		{"a name of its own", "weights.safetensors pytorch_model.bin config.json", "", "", "weights.safetensors config.json"},
		{"pickles", "pytorch_model.bin training_args.bin tf_model.h5 config.json", "", "", "pytorch_model.bin config.json"},
		{"an adapter", "adapter_config.json adapter_model.bin README.md optimizer.bin", "", "", "adapter_config.json adapter_model.bin README.md"},
		{"one gguf", "x.gguf README.md", "", "", "x.gguf README.md"},
		{"gguf shards", "x-00001-of-00002.gguf x-00002-of-00002.gguf", "", "", "x-00001-of-00002.gguf x-00002-of-00002.gguf"},
		{"a projector beside one gguf", "x-Q8_0.gguf mmproj-x-f16.gguf README.md", "", "", "x-Q8_0.gguf README.md"},
		{"a projector that is asked for", "x-Q8_0.gguf mmproj-x-f16.gguf", "mm*", "", "mmproj-x-f16.gguf"},
		{"gguf in capitals", "X.GGUF onnx/x.onnx", "", "", "X.GGUF"},
		{"include", "a-Q4_0.gguf a-Q8_0.gguf sub/b-Q4_0.gguf README.md", "*Q4_0.gguf", "", "a-Q4_0.gguf sub/b-Q4_0.gguf"},
		{"a folder", "onnx/a onnx/b c", "onnx/", "*b", "onnx/a"},
		{"exclude", "model.safetensors config.json tokenizer.json", "", "*.safetensors", "config.json tokenizer.json"},
		{"exclude the preferred", "model.safetensors pytorch_model.bin config.json", "", "*.safetensors", "pytorch_model.bin config.json"},
		{"exclude all but one gguf", "a-Q4_0.gguf a-Q8_0.gguf README.md", "", "*Q4_0*", "a-Q8_0.gguf README.md"},
		{"exclude every gguf", "a-Q4_0.gguf a-Q8_0.gguf README.md", "", "*.gguf", "README.md"},
		{"one character", "a1 a22", "a?", "", "a1"},
	}
	for _, tt := range tests {
		got, err := hub.Choose(files(tt.files), strings.Fields(tt.include), strings.Fields(tt.exclude))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if !slices.Equal(got, files(tt.want)) {
			t.Errorf("%s: got %v, want %s", tt.name, got, tt.want)
		}
	}
	if _, err := hub.Choose(files("a b"), []string{"c"}, nil); !errors.Is(err, hub.ErrChoice) {
		t.Errorf("no file is chosen: %v", err)
	}
	for _, names := range []string{"a-Q4_0.gguf a-Q8_0.gguf README.md x.onnx", "tf_model.h5 config.json x.onnx"} {
		if got, err := hub.Choose(files(names), nil, []string{"*.onnx"}); !errors.Is(err, hub.ErrChoice) {
			t.Errorf("%s without x.onnx: got %v, %v", names, got, err)
		}
	}
}
