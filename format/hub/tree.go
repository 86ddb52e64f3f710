package hub

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// A File is a file of a commit.
type File struct {
	Path string // with slashes
	Size int64  // bytes
	Hash string // of its bytes: SHA-256 of a large file, else the SHA-1 of git's blob
}

// large says that the file lies in the storage of large files, under its SHA-256.
func (f File) large() bool { return len(f.Hash) == 64 }

// hexHash is a SHA-1 or a SHA-256.
var hexHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// commit asks what commit the name's revision stands at.
func (c *Client) commit(ctx context.Context, tell notice, n Name) (string, error) {
	var info struct{ SHA string }
	address := fmt.Sprintf("%s/api/models/%s/revision/%s", c.Endpoint, n.Repo, url.PathEscape(n.Revision))
	if _, err := c.getJSON(ctx, tell, n, address, &info); err != nil {
		return "", err
	}
	if !commitHash.MatchString(info.SHA) {
		return "", fmt.Errorf("hub: %s: the hub's commit %.60q is not one of git", n, info.SHA)
	}
	return info.SHA, nil
}

// files lists a commit's files.
//
// Errors, beside those of the network: a path that leads out of the folder, or
// is there twice; a hash that is none.
func (c *Client) files(ctx context.Context, tell notice, n Name, commit string) ([]File, error) {
	var all []File
	listed := 0 // entries, those that are no files too
	seen := map[string]bool{}
	page := fmt.Sprintf("%s/api/models/%s/tree/%s?recursive=true", c.Endpoint, n.Repo, commit)
	for pages := 1; page != ""; pages++ {
		if err := c.sameHost(page); err != nil {
			return nil, err
		}
		var entries []treeEntry
		next, err := c.getJSON(ctx, tell, n, page, &entries)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Type != "file" {
				continue
			}
			f, err := e.file()
			if err == nil && seen[f.Path] {
				err = fmt.Errorf("file %q is there twice", f.Path)
			}
			if err != nil {
				return nil, fmt.Errorf("hub: %s: %w", n, err)
			}
			seen[f.Path] = true
			all = append(all, f)
		}
		if listed += len(entries); listed > maxFiles || pages == maxPages || next == page {
			return nil, fmt.Errorf("hub: %s: its list of files does not end", n)
		}
		page = next
	}
	return all, nil
}

// A treeEntry is an element of the hub's list.
type treeEntry struct {
	Type, Path, OID string
	Size            int64
	LFS             *struct {
		OID  string
		Size int64
	}
}

func (e treeEntry) file() (File, error) {
	f := File{Path: e.Path, Size: e.Size, Hash: e.OID}
	if e.LFS != nil {
		f.Hash, f.Size = strings.TrimPrefix(e.LFS.OID, "sha256:"), e.LFS.Size
	}
	switch {
	case !isLocal(f.Path):
		return f, fmt.Errorf("file %q leads out of the model's folder", f.Path)
	case strings.ContainsFunc(f.Path, unicode.IsControl):
		return f, fmt.Errorf("the name of file %q has control characters", f.Path)
	case !hexHash.MatchString(f.Hash), e.LFS != nil && !f.large(), f.Size < 0:
		return f, fmt.Errorf("file %q: hash %.80q and size %d are none", f.Path, f.Hash, f.Size)
	}
	return f, nil
}
