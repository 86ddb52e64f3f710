package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/tokenizer"
)

// ranks are the rank files of tiktoken that are known by their names, for the
// files name neither split nor special tokens.
var ranks = map[string]struct {
	split tokenizer.Split
	end   int32 // the id of <|endoftext|>
}{
	"r50k_base.tiktoken":   {tokenizer.GPT2, 50256},
	"cl100k_base.tiktoken": {tokenizer.CL100K, 100257},
	"o200k_base.tiktoken":  {tokenizer.O200K, 199999},
}

// errNoGPT2 says where GPT-2's vocabulary is looked for. It is not part of the
// binary: the files are OpenAI's, and a binary with them would be half as large again.
var errNoGPT2 = errors.New("GPT-2's vocabulary is not on this machine: put vocab.json and merges.txt, or r50k_base.tiktoken, " +
	"into a folder and name it by the environment variable INKSTONE_GPT2")

// openTokenizer loads a tokenizer by path, or GPT-2's by the name gpt2.
func openTokenizer(from string) (tokenizer.Tokenizer, error) {
	if from == "" {
		return nil, usagef("--tokenizer is missing: a folder, a tokenizer.json, a .model, .gguf or .tiktoken file, or gpt2")
	}
	if from == "gpt2" && !exists(from) {
		return openGPT2()
	}
	if _, ok := ranks[rankName(from)]; ok {
		return openRanks(from)
	}
	return inkstone.OpenTokenizer(from)
}

func openGPT2() (tokenizer.Tokenizer, error) {
	for _, dir := range gpt2Folders() {
		if t, err := tokenizer.Load(dir); !errors.Is(err, fs.ErrNotExist) {
			return t, err
		}
		for _, name := range []string{"r50k_base.tiktoken", "r50k_base.tiktoken.gz"} {
			if path := filepath.Join(dir, name); exists(path) {
				return openRanks(path)
			}
		}
	}
	return nil, errNoGPT2
}

// rankName is the name of a rank file that may be compressed.
func rankName(path string) string { return strings.TrimSuffix(filepath.Base(path), ".gz") }

// openRanks reads a rank file.
func openRanks(path string) (tokenizer.Tokenizer, error) {
	data, err := os.ReadFile(path)
	if err == nil && strings.HasSuffix(path, ".gz") {
		data, err = gunzip(data)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", path, err)
	}
	r := ranks[rankName(path)]
	t, err := tokenizer.ParseTiktoken(data, r.split, map[string]int32{"<|endoftext|>": r.end})
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", path, err)
	}
	return t, nil
}

func gunzip(data []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// gpt2Folders are where GPT-2's vocabulary may be: where the user says, in the
// data folder of the tests, in the cache that Hugging Face's programs share.
func gpt2Folders() (dirs []string) {
	if dir := os.Getenv("INKSTONE_GPT2"); dir != "" {
		dirs = append(dirs, dir)
	}
	if data := os.Getenv("INKSTONE_DATA"); data != "" {
		dirs = append(dirs, filepath.Join(data, "tok-gpt2"))
	}
	for _, name := range []string{"models--openai-community--gpt2", "models--gpt2"} {
		found, _ := filepath.Glob(filepath.Join(hubCache(), name, "snapshots", "*")) // the pattern has no error
		dirs = append(dirs, found...)
	}
	return dirs
}

// hubCache is the folder of the Hugging Face hub's cache, by its documented rules.
func hubCache() string {
	if dir := os.Getenv("HF_HUB_CACHE"); dir != "" {
		return dir
	}
	if dir := os.Getenv("HF_HOME"); dir != "" {
		return filepath.Join(dir, "hub")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "huggingface", "hub")
}
