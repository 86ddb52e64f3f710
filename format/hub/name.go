package hub

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// mainRevision is the branch of a name without a revision.
const mainRevision = "main"

// A Name is a model of the hub: ORG/NAME, or NAME of the oldest models, and a
// branch, tag or commit of it.
type Name struct {
	Repo     string // ORG/NAME
	Revision string // "main" where none is given
}

var repoName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$`)

// commitHash is how git names a commit, in full.
var commitHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// ParseName reads ORG/NAME or ORG/NAME@REVISION.
//
// Errors: a name that the hub does not give: letters, digits, dots, dashes and
// underscores, 96 at most, without two dots or two dashes in a row.
func ParseName(text string) (Name, error) {
	repo, revision, given := strings.Cut(text, "@")
	n := Name{Repo: repo, Revision: mainRevision}
	if given {
		n.Revision = revision
	}
	switch {
	case !repoName.MatchString(repo), len(repo) > 96, strings.Contains(repo, ".."), strings.Contains(repo, "--"):
		return n, fmt.Errorf("hub: %q is not a name of a model: give ORG/NAME or ORG/NAME@REVISION", text)
	case !isLocal(n.Revision) || strings.ContainsAny(n.Revision, " ~^:?*["):
		return n, fmt.Errorf("hub: %q: %q is not a branch, tag or commit", text, n.Revision)
	}
	return n, nil
}

// String is the name as ParseName reads it.
func (n Name) String() string {
	if n.Revision == mainRevision || n.Revision == "" {
		return n.Repo
	}
	return n.Repo + "@" + n.Revision
}

// folder is the name of the model's folder in the cache.
func (n Name) folder() string { return "models--" + strings.ReplaceAll(n.Repo, "/", "--") }

// repoOf is the inverse of folder; false for a folder of something else.
func repoOf(folder string) (string, bool) {
	rest, ok := strings.CutPrefix(folder, "models--")
	repo := strings.Replace(rest, "--", "/", 1)
	return repo, ok && repoName.MatchString(repo)
}

// isLocal says that a slash-separated path stays below its root on every
// system, names one file, and is spelled in one way.
func isLocal(path string) bool {
	if path == "" || strings.ContainsAny(path, "\\:\x00") || !filepath.IsLocal(filepath.FromSlash(path)) {
		return false
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}
