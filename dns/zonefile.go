package dns

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	miekg "github.com/miekg/dns"
)

// maxZoneRecords bounds what one file may hold, $GENERATE included.
const maxZoneRecords = 1 << 20

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
	lines := &lineCounter{r: bufio.NewReader(r)}
	zp := miekg.NewZoneParser(lines, origin, file)
	zp.SetIncludeAllowed(false)
	var b *builder
	if origin != "" {
		b = newBuilder(origin)
	}
	n := 0
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		if b == nil {
			b = newBuilder(rr.Header().Name)
		}
		if n++; n > maxZoneRecords {
			return nil, &FileError{File: file, Line: lines.at(), Text: fmt.Sprintf("more than %d records", maxZoneRecords)}
		}
		if empty(rr) {
			return nil, &FileError{File: file, Line: lines.at(), Text: fmt.Sprintf("%s %s: no data", rr.Header().Name, typeOf(rr))}
		}
		if err := b.add(rr); err != nil {
			return nil, &FileError{File: file, Line: lines.at(), Text: err.Error()}
		}
	}
	if err := zp.Err(); err != nil {
		return nil, fileError(file, err)
	}
	if b == nil {
		return nil, &FileError{File: file, Text: "no records"}
	}
	z, err := b.finish()
	if err != nil {
		return nil, &FileError{File: file, Text: err.Error()}
	}
	return z, nil
}

// ReadZones reads all files of a folder whose names end in .zone. Each says its
// zone by $ORIGIN or by an absolute owner of its SOA record. It returns an error
// if one of them has a fault, so that a reload keeps what is served.
func ReadZones(dir string) ([]*Zone, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.zone"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s holds no zone files: their names end in .zone", dir)
	}
	from := map[string]string{}
	var zones []*Zone
	for _, name := range files {
		z, err := readZoneFile(name)
		if err != nil {
			return nil, err
		}
		if other := from[z.origin]; other != "" {
			return nil, fmt.Errorf("%s: the zone %s stands in %s already", name, z.origin, other)
		}
		from[z.origin] = name
		zones = append(zones, z)
	}
	return zones, nil
}

func readZoneFile(name string) (*Zone, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadZone(f, "", name)
}

// fileError turns "FILE: dns: TEXT at line: 3:14" into its parts.
func fileError(file string, err error) error {
	var pe *miekg.ParseError
	if !errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", file, err)
	}
	text := strings.TrimPrefix(pe.Error(), file+": ")
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

// lineCounter knows on which line the parser stands.
type lineCounter struct {
	r    *bufio.Reader
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

// at is the line of the record just read, whose line end has been read too.
func (l *lineCounter) at() int { return max(l.line, 1) }

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
