package main

import (
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// serveHub makes a hub of one model, org/NAME, of a folder's files, and sets the
// environment so that the following commands ask it, with a cache of their own.
func serveHub(ts *testscript.TestScript, _ bool, args []string) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	dir, name := ts.MkAbs(args[0]), args[1]
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	ts.Check(err)
	for _, e := range entries {
		if e.Type().IsRegular() {
			files[e.Name()] = ts.ReadFile(filepath.Join(dir, e.Name()))
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/models/org/"+name+"/revision/main", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"sha":%q}`, commit)
	})
	mux.HandleFunc("GET /api/models/org/"+name+"/tree/"+commit, func(w http.ResponseWriter, _ *http.Request) {
		var list []map[string]any
		for path, text := range files {
			hash := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(text), text))
			list = append(list, map[string]any{"type": "file", "path": path, "size": len(text), "oid": fmt.Sprintf("%x", hash)})
		}
		json.NewEncoder(w).Encode(list)
	})
	mux.HandleFunc("GET /org/"+name+"/resolve/"+commit+"/{file}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, files[r.PathValue("file")])
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Error-Code", "RepoNotFound")
		w.WriteHeader(http.StatusUnauthorized)
	})
	server := httptest.NewServer(mux)
	ts.Defer(server.Close)
	ts.Setenv("HF_ENDPOINT", server.URL)
	ts.Setenv("HF_HOME", strings.TrimSuffix(ts.MkAbs("hf"), "/"))
}
