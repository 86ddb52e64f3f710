package corpus

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"slices"
)

// SortPaths tells paths that hold recordings, .wav files, from those of pictures: a file
// by its ending, a folder or an archive by what is in it.
func SortPaths(paths []string) (pictures, sounds []string, err error) {
	for _, path := range paths {
		has, err := hasSounds(path)
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("corpus: %w", err)
		case has:
			sounds = append(sounds, path)
		default:
			pictures = append(pictures, path)
		}
	}
	return pictures, sounds, nil
}

func hasSounds(path string) (bool, error) {
	if archive(path) != "" {
		names, err := archived(path)
		if err != nil {
			return false, fmt.Errorf("%s: %w", path, err)
		}
		return slices.ContainsFunc(names, isWAV), nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	if !info.IsDir() {
		return isWAV(path), nil
	}
	files, _, err := Files(path)
	if err != nil {
		return false, err
	}
	for _, file := range files {
		if isWAV(file) {
			return true, nil
		}
		if archive(file) != "" {
			if has, err := hasSounds(file); has || err != nil {
				return has, err
			}
		}
	}
	return false, nil
}

// archived are the names of the files of an archive.
func archived(path string) (names []string, err error) {
	if archive(path) == ".zip" {
		z, err := zip.OpenReader(path)
		if err != nil {
			return nil, err
		}
		defer z.Close()
		for _, f := range z.File {
			names = append(names, f.Name)
		}
		return names, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var in io.Reader = f
	if archive(path) != ".tar" {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, err
		}
	}
	for t := tar.NewReader(in); ; {
		h, err := t.Next()
		if err == io.EOF {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
		names = append(names, h.Name)
	}
}
