package dns

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	miekg "github.com/miekg/dns"
)

// Bounds of one zone in master text. Files included by files included … go seven
// deep at most.
const (
	maxZoneRecords = 1 << 20 // what $GENERATE makes included
	maxIncludes    = 1000    // files
)

// FileError is a fault in master text and where it is. Line and Column count
// from 1; Column is 0 when the fault is in a whole record.
type FileError struct {
	File   string
	Line   int
	Column int
	Text   string
}

// Error is "FILE:LINE:COLUMN: what is wrong".
func (e *FileError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Text
	}
	if e.Column == 0 {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Text)
}

// ReadZone reads master text (RFC 1035 §5). origin is the name to which relative
// names belong; if it is "" the text must begin with $ORIGIN, and the owner of
// the SOA record is the zone. file is the name used in errors, which are
// *FileError. $INCLUDE is refused.
func ReadZone(r io.Reader, origin, file string) (*Zone, error) {
	return readZone(r, origin, file, nil)
}

// ReadZoneFile is ReadZone of a file that may include others of the same file
// system, named from the folder of the file that includes them. The owner of the
// first record is the zone; without $ORIGIN relative names belong to the name of
// the file without .zone: hamburger.edu.zone, and root.zone for the root.
func ReadZoneFile(fsys fs.FS, name string) (*Zone, error) {
	s := &includes{fsys: fsys}
	defer s.closeAll()
	f, err := s.Open(name)
	if err != nil {
		return nil, &FileError{File: name, Text: err.Error()}
	}
	return readZone(f, originOf(name), name, s)
}

// originOf is the zone that a file's name tells.
func originOf(name string) string {
	base := strings.TrimSuffix(path.Base(name), zoneSuffix)
	if base == "root" {
		return "."
	}
	return miekg.Fqdn(base)
}

// zoneSuffix ends the names of zone files.
const zoneSuffix = ".zone"

func readZone(r io.Reader, origin, file string, s *includes) (*Zone, error) {
	if s == nil {
		s = &includes{}
		r = s.push(file, r, io.NopCloser(nil))
	}
	zp := miekg.NewZoneParser(r, origin, file)
	zp.SetIncludeAllowed(s.fsys != nil)
	zp.SetIncludeFS(s)
	var b *builder
	if origin != "" && s.fsys == nil {
		b = newBuilder(origin)
	}
	n := 0
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		if n++; n > maxZoneRecords {
			return nil, s.fault(fmt.Sprintf("more than %d records", maxZoneRecords))
		}
		if empty(rr) {
			return nil, s.fault(fmt.Sprintf("%s %s: no data", rr.Header().Name, typeOf(rr)))
		}
		rr, err := plain(rr)
		if err == nil && b == nil {
			b = newBuilder(rr.Header().Name)
		}
		if err == nil {
			err = b.add(rr)
		}
		if err != nil {
			return nil, s.fault(err.Error())
		}
		s.at(b.last)
	}
	if err := zp.Err(); err != nil {
		return nil, fileError(file, err)
	}
	if b == nil {
		return nil, &FileError{File: file, Text: "no records"}
	}
	z, err := b.finish()
	var oe *ownerError
	switch {
	case errors.As(err, &oe):
		return nil, s.faultOf(oe)
	case err != nil:
		return nil, &FileError{File: file, Text: err.Error()}
	}
	return z, nil
}

const maxNameBytes = 255 // RFC 1035 §2.3.4

// plain is a record of master text whose escapes are written the one way in which
// names and strings that came over the network are: \119 is w.
func plain(rr miekg.RR) (miekg.RR, error) {
	if !strings.Contains(rr.String(), `\`) {
		return rr, nil
	}
	buf := make([]byte, miekg.Len(rr)+maxNameBytes)
	n, err := miekg.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", rr.Header().Name, typeOf(rr), err)
	}
	out, _, err := miekg.UnpackRR(buf[:n], 0)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", rr.Header().Name, typeOf(rr), err)
	}
	return out, nil
}

// fileError turns "FILE: dns: TEXT at line: 3:14" into its parts.
func fileError(file string, err error) error {
	var pe *miekg.ParseError
	if !errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", file, err)
	}
	text := pe.Error()
	if in, rest, ok := strings.Cut(text, ": dns: "); ok { // in may be an included file
		file, text = in, rest
	}
	text = strings.TrimPrefix(text, "dns: ")
	e := &FileError{File: file, Text: text}
	if i := strings.LastIndex(text, " at line: "); i >= 0 {
		line, column, _ := strings.Cut(text[i+len(" at line: "):], ":")
		e.Line, _ = strconv.Atoi(line)
		e.Column, _ = strconv.Atoi(column)
		e.Text = text[:i]
	}
	return e
}

// includes opens the files of a zone and knows in which, and on which line, the
// parser stands. It is an fs.FS for the parser.
type includes struct {
	fsys  fs.FS // nil: nothing is included
	count int
	stack []*lineCounter
	last  map[string]place // where the last record of a name stands
}

// place is a line of a file.
type place struct {
	file string
	line int
}

// Open opens one more file, which is read to its end before its includer goes on.
func (s *includes) Open(name string) (fs.File, error) {
	if s.fsys == nil {
		return nil, fs.ErrPermission
	}
	if s.count++; s.count > maxIncludes {
		return nil, fmt.Errorf("more than %d files", maxIncludes)
	}
	f, err := s.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(err, errors.New("not a file"))
	}
	return s.push(name, f, f), nil
}

func (s *includes) push(name string, r io.Reader, c io.Closer) *lineCounter {
	l := &lineCounter{s: s, name: name, r: bufio.NewReader(r), c: c}
	s.stack = append(s.stack, l)
	return l
}

// fault is an error where the parser stands, whose record's line end has been
// read already.
func (s *includes) fault(text string) error {
	p := s.here()
	return &FileError{File: p.file, Line: p.line, Text: text}
}

func (s *includes) here() place {
	l := s.stack[len(s.stack)-1]
	return place{l.name, max(l.line, 1)}
}

// at remembers where the parser stands as the place of a name's last record.
func (s *includes) at(name string) {
	if s.last == nil {
		s.last = map[string]place{}
	}
	s.last[name] = s.here()
}

// faultOf is a fault at the last record of the name that has it.
func (s *includes) faultOf(e *ownerError) error {
	p := s.last[e.name]
	return &FileError{File: p.file, Line: p.line, Text: e.Error()}
}

func (s *includes) closeAll() {
	for _, l := range s.stack {
		l.c.Close()
	}
}

// lineCounter is a file being read.
type lineCounter struct {
	s    *includes
	name string
	r    *bufio.Reader
	c    io.Closer
	line int // line ends read
}

// ReadByte is what the parser reads by.
func (l *lineCounter) ReadByte() (byte, error) {
	c, err := l.r.ReadByte()
	if c == '\n' && err == nil {
		l.line++
	}
	return c, err
}

// Read is for readers that do not know ReadByte.
func (l *lineCounter) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c, err := l.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = c
	return 1, nil
}

// Stat is needed by nobody.
func (l *lineCounter) Stat() (fs.FileInfo, error) { return nil, fs.ErrInvalid }

// Close goes back to the file that included this one.
func (l *lineCounter) Close() error {
	if n := len(l.s.stack); n > 1 && l.s.stack[n-1] == l {
		l.s.stack = l.s.stack[:n-1]
	}
	return l.c.Close()
}

// WriteTo writes the zone as master text that ReadZone reads back.
func (z *Zone) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "$ORIGIN %s\n", z.origin)
	for _, rr := range z.rrs(true) {
		b.WriteString(rr.String())
		b.WriteByte('\n')
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}
