package archive

import (
	"errors"
	"fmt"
	"glassmail/message"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// fileTree is files below a root, found before they are read.
type fileTree struct {
	root    *os.Root
	files   []foundFile
	skipped []skipped
	total   int64
}

// skipped is what could not be looked into.
type skipped struct {
	path string
	err  error
}

// maxFiles is how many files of a folder are imported at one time.
const maxFiles = 10_000_000

type foundFile struct {
	path   string // with slashes
	info   fs.FileInfo
	before int64 // bytes of the files before it
}

// openFiles finds one file, or the regular files below a folder that want wants.
func openFiles(name string, want func(path string) bool) (*fileTree, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	dir := name
	if !info.IsDir() {
		if err := RegularFile(name, info); err != nil {
			return nil, err
		}
		dir = filepath.Dir(name)
	}
	t := new(fileTree)
	if t.root, err = os.OpenRoot(dir); err != nil {
		return nil, err
	}
	if !info.IsDir() {
		t.add(filepath.Base(name), info)
		return t, nil
	}
	err = fs.WalkDir(t.root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil && p != "." { // the others are there
			t.skipped = append(t.skipped, skipped{p, err})
			return nil
		}
		if err != nil || !d.Type().IsRegular() || !want(p) {
			return err
		}
		if len(t.files) == maxFiles {
			return fmt.Errorf("there are more than %d files; import parts of the folder", maxFiles)
		}
		info, err := d.Info()
		if err != nil {
			t.skipped = append(t.skipped, skipped{p, err})
			return nil
		}
		t.add(p, info)
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, t.root.Close())
	}
	return t, nil
}

// RegularFile refuses what has no end or can be read once only: devices, pipes. An
// import reads each message twice.
func RegularFile(name string, info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return fmt.Errorf("%s is no regular file; write what is to be imported into one first", name)
}

func (t *fileTree) add(p string, info fs.FileInfo) {
	t.files = append(t.files, foundFile{p, info, t.total})
	t.total += info.Size()
}

// sort puts the files in the order of their paths as compare says.
func (t *fileTree) sort(compare func(a, b string) int) {
	slices.SortFunc(t.files, func(a, b foundFile) int { return compare(a.path, b.path) })
	var before int64
	for i := range t.files {
		t.files[i].before = before
		before += t.files[i].info.Size()
	}
}

// collection reads the files one after the other.
func (t *fileTree) collection(each func(foundFile, func(Incoming, error) bool) bool) *Collection {
	return &Collection{
		Total: t.total,
		close: t.root.Close,
		Messages: func(yield func(Incoming, error) bool) {
			for _, s := range t.skipped {
				if !yield(Incoming{Name: s.path}, passedOver{s.err}) {
					return
				}
			}
			for _, f := range t.files {
				if !each(f, yield) {
					return
				}
			}
		},
	}
}

// incoming is a file that is one message.
func (t *fileTree) incoming(f foundFile, folder string) Incoming {
	return Incoming{
		Name:   f.path,
		Folder: folder,
		Date:   f.info.ModTime(),
		Done:   f.before + f.info.Size(),
		Open: func() (io.ReadCloser, error) {
			file, err := t.root.Open(filepath.FromSlash(f.path))
			if err != nil {
				return nil, passedOver{err}
			}
			return section{message.WithCRLF(file), file}, nil
		},
	}
}
