package corpus

import (
	"archive/tar"
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// endings are those of the files in a folder that are pictures.
var endings = []string{".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp"}

// A listing is what a folder or an archive holds.
type listing struct {
	name    string // of the folder or archive
	between string // what stands in names between that and a path
	files   []listed
	folders []string // paths below the root
	skipped []string // whole names
}

// A listed file's path is from the root and has slashes.
type listed struct {
	path string
	read func() ([]byte, error)
}

// listFolder lists a folder of the disk. What it takes for hidden or a link is what
// [Files] does.
func listFolder(folder string) (*listing, error) {
	root, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return nil, err
	}
	l := &listing{name: filepath.Clean(folder), between: string(filepath.Separator)}
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == root {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch use, descend := judge(p, d, false); {
		case use:
			l.file(rel, func() ([]byte, error) { return readFile(p) })
		case descend:
			l.folders = append(l.folders, rel)
		default:
			l.skip(rel)
			if d.IsDir() {
				return fs.SkipDir
			}
		}
		return nil
	})
	return l, err
}

// file lists a file, which is a picture by its ending or left out.
func (l *listing) file(p string, read func() ([]byte, error)) {
	if slices.Contains(endings, strings.ToLower(path.Ext(p))) {
		l.files = append(l.files, listed{p, read})
	} else {
		l.skip(p)
	}
}

func (l *listing) skip(p string) { l.skipped = append(l.skipped, l.full(p)) }

// member lists an archive's file or folder, and the folders it is in.
func (l *listing) member(name string, folder bool, read func() ([]byte, error)) {
	name = strings.ReplaceAll(name, `\`, "/") // some writers on Windows do not know the separator
	p := strings.TrimPrefix(path.Clean(name), "/")
	for _, part := range strings.Split(p, "/") {
		if p != "." && strings.HasPrefix(part, ".") || part == "__MACOSX" { // the latter is macOS's own
			l.skip(p)
			return
		}
	}
	if !folder {
		l.file(p, read)
		p = path.Dir(p)
	}
	for ; p != "." && p != ""; p = path.Dir(p) {
		l.folders = append(l.folders, p)
	}
}

// zip reads an archive's pictures one after the other.
func (c *collector) zip(path string) error {
	z, err := zip.OpenReader(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer z.Close()
	l := &listing{name: path, between: ": "}
	for _, f := range z.File {
		l.member(f.Name, f.FileInfo().IsDir(), func() ([]byte, error) { return readMember(f) })
	}
	l.enter()
	return c.listed(l, nil)
}

func readMember(f *zip.File) ([]byte, error) {
	if f.Flags&1 != 0 {
		return nil, fmt.Errorf("it is encrypted; unpack the archive and name the folder")
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readLimited(r)
}

// listTar lists an archive. Its files are in memory as they are, packed: a tar can only
// be read in its own order.
func listTar(path string) (*listing, error) {
	r, err := openUnzipped(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer r.Close()
	l := &listing{name: path, between: ": "}
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err == io.EOF {
			_, err = io.Copy(io.Discard, r) // up to the checksum, which gzip has at its end
			if err == nil {
				break
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: after %d pictures: %w", path, len(l.files), err)
		}
		if err := l.tarMember(h, t); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, h.Name, err)
		}
	}
	l.enter()
	return l, nil
}

func (l *listing) tarMember(h *tar.Header, r io.Reader) error {
	var data []byte
	switch h.Typeflag {
	case tar.TypeReg:
		var err error
		if slices.Contains(endings, strings.ToLower(path.Ext(h.Name))) {
			if data, err = readLimited(r); err != nil {
				return err
			}
		}
	case tar.TypeDir:
	default:
		l.skip(h.Name)
		return nil
	}
	l.member(h.Name, h.Typeflag == tar.TypeDir, func() ([]byte, error) { return data, nil })
	return nil
}

// enter goes into the one folder at an archive's top, as often as that has folders in its turn.
func (l *listing) enter() {
	for {
		slices.Sort(l.folders)
		l.folders = slices.Compact(l.folders)
		if len(l.folders) < 2 {
			return
		}
		top := l.folders[0] + "/" // of the shortest, if it leads to all
		inside := func(p string) bool { return strings.HasPrefix(p, top) }
		for _, f := range l.files {
			if !inside(f.path) || !strings.Contains(f.path[len(top):], "/") {
				return
			}
		}
		for _, f := range l.folders[1:] {
			if !inside(f) {
				return
			}
		}
		l.descend(top)
	}
}

// descend makes paths begin below top, of which the names still speak.
func (l *listing) descend(top string) {
	l.between += top
	l.folders = l.folders[1:]
	for i := range l.folders {
		l.folders[i] = l.folders[i][len(top):]
	}
	for i := range l.files {
		l.files[i].path = l.files[i].path[len(top):]
	}
}

// listed reads the pictures of a listing.
func (c *collector) listed(l *listing, err error) error {
	if err != nil {
		return err
	}
	slices.SortStableFunc(l.files, func(a, b listed) int { return strings.Compare(a.path, b.path) })
	if err := l.check(); err != nil {
		return err
	}
	for _, s := range l.skipped {
		c.skipped.add(s)
	}
	for _, f := range l.files {
		label := path.Dir(f.path)
		if label == "." {
			label = ""
		}
		if err := c.file(l.full(f.path), label, f.read); err != nil {
			return err
		}
	}
	return nil
}

func (l *listing) full(path string) string { return l.name + l.between + path }

// check refuses what is no folder of pictures, or of classes.
func (l *listing) check() error {
	const forms = "PNG, JPEG, GIF, BMP, WebP"
	if len(l.files) == 0 {
		hint := ""
		if i := slices.IndexFunc(l.skipped, func(s string) bool { return strings.Contains(s, "idx3-ubyte") }); i >= 0 {
			hint = fmt.Sprintf("; name the IDX file %s itself", l.skipped[i])
		}
		return fmt.Errorf("%s: no picture (%s) in it%s", l.name, forms, hint)
	}
	used := map[string]bool{}
	for i, f := range l.files {
		if i > 0 && l.files[i-1].path == f.path {
			return fmt.Errorf("%s is in the archive twice", l.full(f.path))
		}
		if path.Dir(f.path) == "." && len(l.folders) > 0 {
			return fmt.Errorf("%s lies beside folders of classes (%s) and has no label: put it into a folder", l.full(f.path), some(l.folders, 8))
		}
		for p := path.Dir(f.path); p != "."; p = path.Dir(p) {
			used[p] = true
		}
	}
	for _, f := range l.folders {
		if !used[f] {
			return fmt.Errorf("the folder %s: no picture (%s) in it or below; remove the class, or add pictures of it", l.full(f), forms)
		}
	}
	return nil
}

// readFile reads a file that is not too long for a picture.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readLimited(f)
}

func readLimited(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("more than %d bytes, the limit for one picture", maxFile)
	}
	return data, err
}
