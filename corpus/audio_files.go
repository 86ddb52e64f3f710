package corpus

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// path reads what one path names.
func (r *soundReader) path(name string) error {
	files, skipped, err := Files(name)
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "corpus: "))
	}
	r.skipped = append(r.skipped, skipped...)
	root := "" // of a folder: a label is a folder below it
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		if root, err = filepath.EvalSymlinks(name); err != nil {
			return err
		}
	}
	for _, file := range files {
		switch {
		case archive(file) != "":
			err = r.archive(file)
		case isWAV(file):
			err = r.file(file, root)
		case root == "":
			err = fmt.Errorf("%s: neither a .wav file nor a .tar, .tar.gz, .tgz or .zip of them", file)
		default:
			r.skipped = append(r.skipped, file)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *soundReader) file(file, root string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	full, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	return r.add(file, filepath.ToSlash(full), folderLabel(file, root), data)
}

// folderLabel is the name of the folder that holds a file, "" where that is root itself.
func folderLabel(file, root string) string {
	dir := filepath.Dir(file)
	if root != "" && dir == filepath.Clean(root) || dir == "." || dir == string(filepath.Separator) {
		return ""
	}
	return filepath.Base(dir)
}

// archive is the kind of an archive, "" for another file.
func archive(file string) string {
	for _, kind := range []string{".zip", ".tar", ".tar.gz", ".tgz"} {
		if strings.HasSuffix(strings.ToLower(file), kind) {
			return kind
		}
	}
	return ""
}

func (r *soundReader) archive(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	kind := archive(file)
	if kind == ".zip" {
		return r.zip(file, f)
	}
	var in io.Reader = f
	if kind != ".tar" {
		z, err := gzip.NewReader(f)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		in = z
	}
	t := tar.NewReader(in)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if h.Typeflag == tar.TypeReg {
			err = r.entry(file, h.Name, t)
		}
		if err != nil {
			return err
		}
	}
}

func (r *soundReader) zip(file string, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	z, err := zip.NewReader(f, info.Size())
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, e := range z.File {
		if strings.HasSuffix(e.Name, "/") {
			continue
		}
		in, err := e.Open()
		if err != nil {
			return fmt.Errorf("%s:%s: %w", file, e.Name, err)
		}
		err = r.entry(file, e.Name, in)
		in.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// entry reads a file of an archive.
func (r *soundReader) entry(file, name string, in io.Reader) error {
	full := file + ":" + name
	if !isWAV(name) {
		r.skipped = append(r.skipped, full)
		return nil
	}
	var data bytes.Buffer
	if _, err := io.Copy(&data, in); err != nil {
		return fmt.Errorf("%s: %w", full, err)
	}
	label := path.Base(path.Dir(name))
	if label == "." || label == "/" {
		label = ""
	}
	return r.add(full, name, label, data.Bytes())
}
