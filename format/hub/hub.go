// Package hub fetches models from a Hugging Face hub into the cache that the
// hub's own programs share, and looks after that cache. It knows files and no model.
//
// The cache is laid out as huggingface_hub lays it out, so that a model that one
// program fetched is there for all:
//
//	models--ORG--NAME/refs/main                  the commit that the branch stands at
//	models--ORG--NAME/blobs/HASH                 a file's bytes, named by their SHA-256, or by git's SHA-1
//	models--ORG--NAME/blobs/HASH.incomplete      what has come of it so far
//	models--ORG--NAME/snapshots/COMMIT/FILE      a link to the blob
//	models--ORG--NAME/.no_exist/COMMIT/FILE      empty: the commit has no such file
//	.locks/models--ORG--NAME/HASH.lock           held by whoever fetches the blob
//
// What a server says is not trusted: its paths stay below the snapshot, its
// hashes are hexadecimal, its answers are bounded, and a file is put in place
// when its bytes have the hash that the commit gives them.
package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Config says where the hub and its cache are.
type Config struct {
	Cache    string // the folder of the cache
	Endpoint string // the hub's address, without a slash at its end
	Token    string // who asks; "" for what is open to all
	Offline  bool   // the network is not to be touched
	Copies   bool   // snapshots have files of their own rather than links
	Quiet    bool   // no progress bars
}

// FromEnvironment reads the variables that the hub's own programs read: HF_HOME,
// HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE,
// HF_HUB_DISABLE_SYMLINKS, HF_HUB_DISABLE_PROGRESS_BARS and XDG_CACHE_HOME. getenv is os.Getenv.
//
// Errors: a token's file that cannot be read; no home folder.
func FromEnvironment(getenv func(string) string) (Config, error) {
	home, err := homeFolder(getenv)
	if err != nil {
		return Config{}, err
	}
	c := Config{
		Cache:    first(getenv("HF_HUB_CACHE"), getenv("HUGGINGFACE_HUB_CACHE"), filepath.Join(home, "hub")),
		Endpoint: strings.TrimRight(first(getenv("HF_ENDPOINT"), "https://huggingface.co"), "/"),
		Offline:  isTrue(getenv("HF_HUB_OFFLINE")) || isTrue(getenv("TRANSFORMERS_OFFLINE")),
		Copies:   isTrue(getenv("HF_HUB_DISABLE_SYMLINKS")),
		Quiet:    isTrue(getenv("HF_HUB_DISABLE_PROGRESS_BARS")),
	}
	if c.Cache, err = expand(c.Cache, getenv); err != nil {
		return c, err
	}
	c.Token, err = token(getenv, home)
	return c, err
}

// homeFolder is HF_HOME or its default.
func homeFolder(getenv func(string) string) (string, error) {
	return expand(first(getenv("HF_HOME"), first(getenv("XDG_CACHE_HOME"), "~/.cache")+"/huggingface"), getenv)
}

// expand replaces a leading ~ by the home folder, and $NAME and ${NAME} by what the
// variable has; one that has nothing stays, in braces.
func expand(path string, getenv func(string) string) (string, error) {
	path = os.Expand(path, func(name string) string { return first(getenv(name), "${"+name+"}") })
	rest, ok := strings.CutPrefix(path, "~")
	if !ok || rest != "" && rest[0] != '/' {
		return path, nil
	}
	home := first(getenv("HOME"), getenv("USERPROFILE"))
	if home == "" {
		return "", errors.New("hub: no home folder: set HF_HOME to a folder for the models")
	}
	return filepath.Join(home, rest), nil
}

// token is HF_TOKEN, or what the file of HF_TOKEN_PATH holds.
func token(getenv func(string) string, home string) (string, error) {
	if t := oneLine(first(getenv("HF_TOKEN"), getenv("HUGGING_FACE_HUB_TOKEN"))); t != "" {
		return t, nil
	}
	given := getenv("HF_TOKEN_PATH")
	path, err := expand(first(given, filepath.Join(home, "token")), getenv)
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(path)
	if given == "" && errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("hub: the token: %w", err)
	}
	return oneLine(string(b)), nil
}

// oneLine is a token without the ends of lines that come along when it is copied: no
// request may have them.
func oneLine(token string) string {
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(token))
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func isTrue(value string) bool {
	switch strings.ToUpper(value) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}
