package corpus

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
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

// SplitRecordings holds out a share of the recordings of every class, 0 < share < 1, rounded, drawn by the
// seed; each class keeps one for training. The voices of both sides are the same; see
// [Sounds.SplitSpeakers]. A share that holds out none is an error.
func (s *Sounds) SplitRecordings(share float64, seed uint64) (train, held *Sounds, err error) {
	out := make([]bool, s.Len())
	r := rand.New(rand.NewPCG(scramble(seed), 0))
	for class := range s.Classes {
		var of []int
		for i, l := range s.Labels {
			if int(l) == class {
				of = append(of, i)
			}
		}
		r.Shuffle(len(of), func(a, b int) { of[a], of[b] = of[b], of[a] })
		n := min(int(math.Round(share*float64(len(of)))), len(of)-1)
		for _, i := range of[:max(0, n)] {
			out[i] = true
		}
	}
	train = s.Where(func(i int) bool { return !out[i] })
	held = s.Where(func(i int) bool { return out[i] })
	if held.Len() == 0 {
		return nil, nil, fmt.Errorf("corpus: %d recordings of %d classes are too few to hold out a share of %g", s.Len(), len(s.Classes), share)
	}
	return train, held, nil
}
