package api

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"slices"
	"strings"
)

// chain reads one part after the other and opens each when its turn comes.
type chain struct {
	parts []func() (io.ReadCloser, error)
	now   io.ReadCloser
}

func (c *chain) Read(p []byte) (int, error) {
	for {
		if c.now == nil {
			if len(c.parts) == 0 {
				return 0, io.EOF
			}
			var err error
			if c.now, err = c.parts[0](); err != nil {
				c.now = nil
				return 0, err
			}
			c.parts = c.parts[1:]
		}
		n, err := c.now.Read(p)
		if err == io.EOF {
			err = c.Close()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Close ends the part that is being read.
func (c *chain) Close() error {
	if c.now == nil {
		return nil
	}
	err := c.now.Close()
	c.now = nil
	return err
}

// base64Lines encodes what it reads, 76 characters a line (RFC 2045 §6.8).
type base64Lines struct {
	in   io.Reader
	text []byte // the lines of the last piece
	out  []byte // of these, what was not read yet
	done error
	buf  [57 * 64]byte
}

func (b *base64Lines) Read(p []byte) (int, error) {
	for len(b.out) == 0 {
		if b.done != nil {
			return 0, b.done
		}
		n, err := io.ReadFull(b.in, b.buf[:])
		if b.done = err; err == io.ErrUnexpectedEOF {
			b.done = io.EOF
		}
		b.text = b.text[:0]
		for raw := range slices.Chunk(b.buf[:n], 57) {
			b.text = base64.StdEncoding.AppendEncode(b.text, raw)
			b.text = append(b.text, '\r', '\n')
		}
		b.out = b.text
	}
	n := copy(p, b.out)
	b.out = b.out[n:]
	return n, nil
}

// encodeBody writes a text with CRLF line ends as quoted-printable.
func encodeBody(text string) ([]byte, error) {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r", "\n"), "\n", "\r\n")
	if !strings.HasSuffix(text, "\r\n") {
		text += "\r\n"
	}
	var out bytes.Buffer
	w := quotedprintable.NewWriter(&out)
	if _, err := io.WriteString(w, text); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}
