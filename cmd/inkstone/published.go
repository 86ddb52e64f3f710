package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/inkstone-ai/inkstone/tokenizer"
)

// errNoGPT2 says where GPT-2's vocabulary is looked for. It is not part of the
// binary: the files are OpenAI's, and a binary with them would be half as large again.
var errNoGPT2 = errors.New("GPT-2's vocabulary is not on this machine: put vocab.json and merges.txt (or vocab.bpe with encoder.json) " +
	"into a folder and name it by the environment variable INKSTONE_GPT2, or give any tokenizer with --against")

// openTokenizer loads a tokenizer by path, or GPT-2's by the name gpt2.
func openTokenizer(from string) (tokenizer.Tokenizer, error) {
	if from == "" {
		return nil, usagef("--tokenizer is missing: a tokenizer.json, a folder that has one, or gpt2")
	}
	if from != "gpt2" || exists(from) {
		return tokenizer.Load(from)
	}
	for _, dir := range gpt2Folders() {
		if t, err := tokenizer.Load(dir); err == nil {
			return t, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("GPT-2's vocabulary: %w", err)
		}
	}
	return nil, errNoGPT2
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
