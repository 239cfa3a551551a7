// Package book is the address book of a running lab: a small file by which
// other programs of the same user find the lab's servers under their names.
//
// The lab writes the file once its servers accept connections and removes it
// when it stops:
//
//	{"pid":4711,"hosts":{"mail.hamburger.edu:25":"127.0.0.1:2526"}}
//
// A file whose process is gone was left by a lab that was killed; it is passed
// over. Several labs may run at once, each with a file of its own.
package book

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"glassmail/atomicfile"
)

// maxFile bounds a book, in bytes.
const maxFile = 1 << 20

// Book says where the servers of one lab really listen.
type Book struct {
	PID     int               `json:"pid"`               // the lab's process
	Hosts   map[string]string `json:"hosts"`             // "name:port" of the lab → "address:port" of this machine
	Control string            `json:"control,omitempty"` // file by which commands reach the lab's names, see package control
}

// Dir is the folder of the books of this user. It may not exist yet.
func Dir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the folder for the lab's address book: %w", err)
	}
	return filepath.Join(cache, "glassmail"), nil
}

// ControlFile is where the lab that runs as process pid lets commands in.
func ControlFile(dir string, pid int) string {
	return filepath.Join(dir, fmt.Sprintf("control-%d.json", pid))
}

// file is the path of the book of the lab with the port base.
func file(dir string, portBase int) string {
	return filepath.Join(dir, fmt.Sprintf("lab-%d.json", portBase))
}

// Write stores b as the book of the lab with the given port base. Readers see
// either the former file or the whole new one.
func (b Book) Write(dir string, portBase int) error {
	if err := b.write(dir, file(dir, portBase)); err != nil {
		return fmt.Errorf("write the lab's address book: %w", err)
	}
	return nil
}

func (b Book) write(dir, path string) error {
	hosts := make(map[string]string, len(b.Hosts))
	for k, v := range b.Hosts {
		hosts[key(k)] = v
	}
	text, err := json.Marshal(Book{PID: b.PID, Hosts: hosts, Control: b.Control})
	if err != nil {
		return err
	}
	if err := atomicfile.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return atomicfile.Write(path, append(text, '\n'), atomicfile.Private)
}

// Remove takes away the book of the lab with the given port base, if there is
// one.
func Remove(dir string, portBase int) error {
	if err := os.Remove(file(dir, portBase)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the lab's address book: %w", err)
	}
	return nil
}

// Running returns the books of the labs whose process runs, the lab that
// started last first. Files that cannot be read are passed over.
func Running(dir string) []Book {
	paths, err := filepath.Glob(filepath.Join(dir, "lab-*.json"))
	if err != nil {
		return nil
	}
	type dated struct {
		Book
		written int64
	}
	var found []dated
	for _, p := range paths {
		b, written, err := read(p)
		if err == nil && alive(b.PID) {
			found = append(found, dated{b, written})
		}
	}
	slices.SortStableFunc(found, func(a, b dated) int { return int(min(max(b.written-a.written, -1), 1)) })
	var books []Book
	for _, d := range found {
		books = append(books, d.Book)
	}
	return books
}

// read parses one file and returns when it was written, in Unix nanoseconds.
func read(path string) (Book, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return Book{}, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Book{}, 0, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return Book{}, 0, err
	}
	b, err := parse(text)
	return b, info.ModTime().UnixNano(), err
}

// parse reads a book and leaves out entries that are no addresses.
func parse(text []byte) (Book, error) {
	var b Book
	if err := json.Unmarshal(text, &b); err != nil {
		return Book{}, fmt.Errorf("parse the lab's address book: %w", err)
	}
	hosts := make(map[string]string, len(b.Hosts))
	for k, v := range b.Hosts {
		if _, _, err := net.SplitHostPort(k); err != nil {
			continue
		}
		if _, _, err := net.SplitHostPort(v); err != nil {
			continue
		}
		hosts[key(k)] = v
	}
	b.Hosts = hosts
	return b, nil
}

// Find returns where host:port of the lab listens. Case and a final dot of the
// host do not matter.
func (b Book) Find(hostport string) (string, bool) {
	addr, ok := b.Hosts[key(hostport)]
	return addr, ok
}

// key is hostport with the host in lower case and without its final dot.
func key(hostport string) string {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return strings.ToLower(hostport)
	}
	return net.JoinHostPort(strings.ToLower(strings.TrimRight(host, ".")), port)
}

// alive reports whether a process with the number runs.
func alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	p, err := os.FindProcess(pid) // fails on Windows if there is no such process
	if err != nil {
		return false
	}
	defer p.Release()
	err = p.Signal(syscall.Signal(0)) // Windows knows no such signal; elsewhere it only asks
	return !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH)
}
