package format_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/testkit"
)

// failingDisk is the real disk with room for some bytes, or without one of its
// calls.
type failingDisk struct {
	format.OSDisk
	room int    // bytes until ENOSPC; none are refused when negative
	call string // the call that fails
	only int    // which of them, from 1; 0: all

	calls   int // of the one that fails
	renamed [][2]string
}

var errCall = errors.New("injected")

func (d *failingDisk) fails(call string) error {
	if d.call != call {
		return nil
	}
	d.calls++
	if d.only > 0 && d.calls != d.only {
		return nil
	}
	return errCall
}

func (d *failingDisk) Create(path, like string) (format.DiskFile, error) {
	if err := d.fails("create"); err != nil {
		return nil, err
	}
	f, err := d.OSDisk.Create(path, like)
	return &failingFile{f, d}, err
}

func (d *failingDisk) Rename(from, to string) error {
	if err := d.fails("rename"); err != nil {
		return err
	}
	d.renamed = append(d.renamed, [2]string{from, to})
	return d.OSDisk.Rename(from, to)
}

func (d *failingDisk) SyncDir(dir string) error {
	if err := d.fails("sync folder"); err != nil {
		return err
	}
	return d.OSDisk.SyncDir(dir)
}

type failingFile struct {
	format.DiskFile
	disk *failingDisk
}

// Write stores what there is room for before it fails, as a full disk does.
func (f *failingFile) Write(b []byte) (int, error) {
	d := f.disk
	if d.room < 0 || len(b) <= d.room {
		d.room -= min(len(b), max(d.room, 0))
		return f.DiskFile.Write(b)
	}
	n, err := f.DiskFile.Write(b[:d.room])
	d.room = 0
	return n, errors.Join(err, syscall.ENOSPC)
}

func (f *failingFile) Sync() error {
	return errors.Join(f.DiskFile.Sync(), f.disk.fails("sync"))
}

func (f *failingFile) Close() error {
	return errors.Join(f.DiskFile.Close(), f.disk.fails("close"))
}

// files returns the names in a folder.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestFullDisk lets the disk fill up after each byte of a file, and of a folder,
// and sees the earlier files intact and no other.
func TestFullDisk(t *testing.T) {
	tensors := []format.Tensor{format.FromF32("w", []float32{1, 2, 3, 4, 5}, 5), format.FromF32("v", []float32{6}, 1)}
	tests := []struct {
		name  string
		write func(dir string) error
	}{
		{"WriteFile", func(dir string) error {
			return format.WriteFile(filepath.Join(dir, "config.json"), func(w io.Writer) error {
				for i := range 30 {
					if _, err := fmt.Fprintf(w, "line %d\n", i); err != nil {
						return err
					}
				}
				return nil
			})
		}},
		{"WriteSafetensors", func(dir string) error {
			return format.WriteSafetensors(filepath.Join(dir, "model.safetensors"), nil, tensors)
		}},
		{"WriteFolder", func(dir string) error {
			f := &format.Folder{Dir: dir, Config: []byte(`{"new":1}`), Generation: []byte(`{}`), ChatTemplate: []byte("{{x}}")}
			return format.WriteFolder(f, nil, tensors, nil)
		}},
		{"WriteFolderShards", func(dir string) error {
			f := &format.Folder{Dir: dir, Config: []byte(`{"new":1}`)}
			return format.WriteFolderShards(f, 1, nil, append(tensors, format.FromF32("z", []float32{3}, 1)), nil)
		}},
		{"WriteGGUFShards", func(dir string) error {
			_, err := format.WriteGGUFShards(filepath.Join(dir, "m.gguf"), 1, nil, append(tensors, format.FromF32("z", []float32{3}, 1)), nil)
			return err
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			whole := t.TempDir()
			if err := tt.write(whole); err != nil {
				t.Fatal(err)
			}
			size := 0
			for _, name := range files(t, whole) {
				size += len(testkit.ReadFile(t, filepath.Join(whole, name)))
			}
			dir := t.TempDir()
			before := map[string]string{}
			for _, name := range files(t, whole) {
				before[name] = "the earlier " + name
				if err := os.WriteFile(filepath.Join(dir, name), []byte(before[name]), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			for room := range size {
				disk := &failingDisk{room: room}
				restore := format.SetDisk(disk)
				err := tt.write(dir)
				restore()
				if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), dir) {
					t.Fatalf("with room for %d of %d bytes: %v", room, size, err)
				}
				if got := files(t, dir); len(got) != len(before) {
					t.Fatalf("with room for %d bytes: the folder has %q", room, got)
				}
				for name, want := range before {
					if got := testkit.ReadFile(t, filepath.Join(dir, name)); string(got) != want {
						t.Fatalf("with room for %d bytes: %s is %q", room, name, got)
					}
				}
			}
			restore := format.SetDisk(&failingDisk{room: size})
			defer restore()
			if err := tt.write(dir); err != nil {
				t.Errorf("with room for all %d bytes: %v", size, err)
			}
		})
	}
}

func TestFailingCalls(t *testing.T) {
	tests := []struct {
		call string
		want string // the file's content afterwards
	}{
		{"create", "old"},
		{"sync", "old"},
		{"close", "old"},
		{"rename", "old"},
		{"sync folder", "new"}, // in place, and the error says what is not sure
	}
	for _, tt := range tests {
		t.Run(tt.call, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x")
			if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
				t.Fatal(err)
			}
			defer format.SetDisk(&failingDisk{room: -1, call: tt.call})()
			err := format.WriteFile(path, writeNew)
			if !errors.Is(err, errCall) || !strings.Contains(err.Error(), "format: write "+path) {
				t.Errorf("got error %v", err)
			}
			if got := testkit.ReadFile(t, path); string(got) != tt.want {
				t.Errorf("the file has %q, want %q", got, tt.want)
			}
			if got := files(t, filepath.Dir(path)); len(got) != 1 {
				t.Errorf("the folder has %q", got)
			}
		})
	}
}

func writeNew(w io.Writer) error {
	_, err := io.WriteString(w, "new")
	return err
}

func TestWriteFileThatFailsOrPanics(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	cause := errors.New("cause")
	if err := format.WriteFile(path, func(io.Writer) error { return cause }); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	func() {
		defer func() { recover() }()
		format.WriteFile(path, func(io.Writer) error { panic("x") })
	}()
	if got := files(t, filepath.Dir(path)); len(got) != 0 {
		t.Errorf("the folder has %q", got)
	}
}

func TestWriteFilePlaces(t *testing.T) {
	dir := t.TempDir()
	if err := format.WriteFile(filepath.Join(dir, "absent", "x"), writeNew); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "absent", "x")) {
		t.Errorf("in an absent folder: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "folder", "y"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := format.WriteFile(filepath.Join(dir, "folder"), writeNew); err == nil {
		t.Error("a folder was overwritten")
	} else if !strings.Contains(err.Error(), "it is a folder; give the path of a file") {
		t.Errorf("for a folder: %v", err)
	}
	t.Chdir(dir)
	if err := format.WriteFile("plain", writeNew); err != nil {
		t.Errorf("in the working folder: %v", err)
	}
	if got, want := files(t, dir), []string{"folder", "plain"}; !slices.Equal(got, want) {
		t.Errorf("the folder has %q, want %q", got, want)
	}
}

func TestWriteFileKeepsPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	path := filepath.Join(t.TempDir(), "x")
	for _, mode := range []os.FileMode{0o600, 0o640} {
		if err := errors.Join(os.WriteFile(path, nil, 0o666), os.Chmod(path, mode), format.WriteFile(path, writeNew)); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("got %v, %v, want %v", info.Mode(), err, mode)
		}
	}
}
