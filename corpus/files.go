package corpus

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Files resolves what a user names to the files it stands for: a file to
// itself, a folder to all files in and below it, a glob (with ** for any
// depth) to what matches, "-" to itself. The files of one path are sorted, and a file
// reached twice stands once. Links to files are followed, and so is a path
// that is itself a link to a folder.
//
// Skipped lists what folders hold but files leaves out: names that begin with
// a dot, links to folders (they may form circles) and what is no file; and the
// folders that a glob without ** matches. A path that is missing, matches nothing
// or holds no file is an error.
func Files(paths ...string) (files, skipped []string, err error) {
	if len(paths) == 0 {
		return nil, nil, fmt.Errorf("corpus: no path given")
	}
	seen := map[string]bool{}
	for _, path := range paths {
		found, left, err := resolve(path)
		if err != nil {
			return nil, nil, err
		}
		for _, f := range found {
			if !seen[f] {
				seen[f] = true
				files = append(files, f)
			}
		}
		skipped = append(skipped, left...)
	}
	return files, skipped, nil
}

func resolve(path string) (files, skipped []string, err error) {
	if path == "-" {
		return []string{path}, nil, nil
	}
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return []string{filepath.Clean(path)}, nil, nil
	} else if err == nil {
		return walk(path)
	} else if !strings.ContainsAny(path, `*?[{`) {
		return nil, nil, fmt.Errorf("corpus: %w", err)
	}
	matches, err := doublestar.FilepathGlob(path, doublestar.WithNoFollow())
	if err != nil {
		return nil, nil, fmt.Errorf("corpus: glob %s: %w", path, err)
	}
	slices.Sort(matches)
	for _, m := range matches {
		if info, err := os.Stat(m); err == nil && info.IsDir() {
			if !strings.Contains(path, "**") { // with ** what they hold matches, or is not meant
				skipped = append(skipped, m)
			}
			continue
		}
		files = append(files, filepath.Clean(m))
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("corpus: glob %s: no file matches", path)
	}
	return files, skipped, nil
}

// walk lists the files in and below a folder.
func walk(path string) (files, skipped []string, err error) {
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, nil, fmt.Errorf("corpus: %w", err)
	}
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch use, descend := judge(p, d, p == root); {
		case use:
			files = append(files, p)
		case !descend:
			skipped = append(skipped, p)
			if d.IsDir() {
				return fs.SkipDir
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("corpus: %w", err)
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("corpus: folder %s: no file in it", path)
	}
	return files, skipped, nil
}

// judge says whether an entry of a folder is a file to read, or a folder to
// go into.
func judge(path string, d fs.DirEntry, root bool) (use, descend bool) {
	if root {
		return false, true
	}
	if strings.HasPrefix(d.Name(), ".") {
		return false, false
	}
	if d.Type()&fs.ModeSymlink != 0 {
		info, err := os.Stat(path)
		return err == nil && info.Mode().IsRegular(), false
	}
	return d.Type().IsRegular(), d.IsDir()
}
