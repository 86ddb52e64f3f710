package hub_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inkstone-ai/inkstone/format/hub"
)

const commit = "0123456789abcdef0123456789abcdef01234567"

// A server speaks the hub's API for one model, org/model, whose large files lie
// on a second host. Its fields make trouble.
type server struct {
	t     *testing.T
	files map[string]string // by path
	large map[string]bool   // in the storage of large files
	token string            // needed to read; "": open to all

	status   map[string]func(w http.ResponseWriter) bool // by the beginning of a path: answers, and says so
	storage  func(w http.ResponseWriter, r *http.Request, content string) bool
	treePath func(path string) string // what the list says of a path

	hub, cdn *httptest.Server
	mu       sync.Mutex
	requests []string // method, path and range
	leaked   bool     // the token came to the storage
}

func newServer(t *testing.T, files map[string]string, large ...string) *server {
	s := &server{t: t, files: files, large: map[string]bool{}, status: map[string]func(http.ResponseWriter) bool{}}
	for _, path := range large {
		s.large[path] = true
	}
	s.hub = httptest.NewServer(http.HandlerFunc(s.serveHub))
	s.cdn = httptest.NewServer(http.HandlerFunc(s.serveStorage))
	t.Cleanup(s.hub.Close)
	t.Cleanup(s.cdn.Close)
	return s
}

// client is a client of the server with a cache of its own.
func (s *server) client() *hub.Client {
	c := hub.NewClient(hub.Config{Cache: s.t.TempDir(), Endpoint: s.hub.URL, Token: s.token}, "test")
	c.Hurry(time.Millisecond, time.Second)
	return c
}

func (s *server) note(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("Range")))
}

// asked counts the requests whose text contains part.
func (s *server) asked(part string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if strings.Contains(r, part) {
			n++
		}
	}
	return n
}

func (s *server) serveHub(w http.ResponseWriter, r *http.Request) {
	s.note(r)
	for prefix, answer := range s.status {
		if strings.HasPrefix(r.URL.Path, prefix) && answer(w) {
			return
		}
	}
	if s.token != "" && r.Header.Get("Authorization") != "Bearer "+s.token {
		w.Header().Set("X-Error-Code", "RepoNotFound")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch path := r.URL.Path; {
	case path == "/api/models/org/model/revision/main", path == "/api/models/org/model/revision/"+commit:
		fmt.Fprintf(w, `{"sha":%q,"siblings":[]}`, commit)
	case path == "/api/models/org/model/tree/"+commit:
		s.serveTree(w, r)
	case strings.HasPrefix(path, "/org/model/resolve/"+commit+"/"):
		s.serveFile(w, r, strings.TrimPrefix(path, "/org/model/resolve/"+commit+"/"))
	case strings.HasPrefix(path, "/api/models/org/model/revision/"):
		w.Header().Set("X-Error-Code", "RevisionNotFound")
		w.WriteHeader(http.StatusNotFound)
	default:
		w.Header().Set("X-Error-Code", "RepoNotFound")
		w.WriteHeader(http.StatusNotFound)
	}
}

// serveTree lists three files a page.
func (s *server) serveTree(w http.ResponseWriter, r *http.Request) {
	entries := []map[string]any{{"type": "directory", "path": "onnx", "oid": commit, "size": 0}}
	for _, path := range sorted(s.files) {
		listed := path
		if s.treePath != nil {
			listed = s.treePath(path)
		}
		e := map[string]any{"type": "file", "path": listed, "size": len(s.files[path]), "oid": gitHash(s.files[path])}
		if s.large[path] {
			e["oid"] = gitHash("pointer") // of the pointer, not of the file
			e["lfs"] = map[string]any{"oid": largeHash(s.files[path]), "size": len(s.files[path]), "pointerSize": 130}
		}
		entries = append(entries, e)
	}
	const page = 3
	from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	to := min(from+page, len(entries))
	if to < len(entries) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?recursive=true&cursor=%d>; rel="next"`, s.hub.URL, r.URL.Path, to))
	}
	json.NewEncoder(w).Encode(entries[from:to])
}

func (s *server) serveFile(w http.ResponseWriter, r *http.Request, path string) {
	content, ok := s.files[path]
	w.Header().Set("X-Repo-Commit", commit)
	switch {
	case !ok:
		w.Header().Set("X-Error-Code", "EntryNotFound")
		w.WriteHeader(http.StatusNotFound)
	case s.large[path]:
		w.Header().Set("X-Linked-Etag", `"`+largeHash(content)+`"`)
		w.Header().Set("X-Linked-Size", strconv.Itoa(len(content)))
		http.Redirect(w, r, s.cdn.URL+"/"+largeHash(content)+"?signature=x", http.StatusFound)
	default:
		w.Header().Set("ETag", `"`+gitHash(content)+`"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
	}
}

func (s *server) serveStorage(w http.ResponseWriter, r *http.Request) {
	s.note(r)
	if r.Header.Get("Authorization") != "" {
		s.mu.Lock()
		s.leaked = true
		s.mu.Unlock()
	}
	for path, content := range s.files {
		if s.large[path] && r.URL.Path == "/"+largeHash(content) {
			if s.storage == nil || !s.storage(w, r, content) {
				http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
			}
			return
		}
	}
	w.WriteHeader(http.StatusNotFound)
}

func gitHash(content string) string {
	return fmt.Sprintf("%x", sha1.Sum([]byte(fmt.Sprintf("blob %d\x00%s", len(content), content))))
}

func largeHash(content string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content))) }

// noise is content that does not repeat.
func noise(n int) string {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		sum := sha256.Sum256([]byte(strconv.Itoa(i)))
		b.Write(sum[:])
	}
	return b.String()[:n]
}
