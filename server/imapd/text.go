package imapd

import (
	"errors"
	"io"
	"mime"
	"strings"

	"golang.org/x/text/encoding/htmlindex"

	"glassmail/mailbox"
)

// maxSearched bounds how much decoded text of one message a search looks into.
const maxSearched = 8 << 20

// fold makes texts comparable without regard to case (RFC 9051 §6.4.4).
func fold(s string) string { return strings.ToLower(strings.ToValidUTF8(s, "�")) }

// decodeWords undoes the encoded words of a header (RFC 2047).
func decodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	d := mime.WordDecoder{CharsetReader: charsetReader}
	if out, err := d.DecodeHeader(s); err == nil {
		return out
	}
	return s
}

func charsetReader(charset string, r io.Reader) (io.Reader, error) {
	enc, err := htmlindex.Get(charset)
	if err != nil {
		return nil, err
	}
	return enc.NewDecoder().Reader(r), nil
}

// bodyTexts returns the folded texts of all text parts and the headers of the
// messages and parts inside, so that a search finds what a reader sees.
func bodyTexts(root *mailbox.Part, b io.ReaderAt) ([]string, error) {
	texts := []string{}
	left := int64(maxSearched)
	var failed error
	root.Walk(func(p *mailbox.Part) bool {
		if p != root && left > 0 {
			header, err := readSpan(b, p.Header, min(p.Body, p.Header+left))
			if err != nil {
				failed = err
				return false
			}
			left -= int64(len(header))
			texts = append(texts, fold(decodeWords(string(header))))
		}
		if p.Type != "text" || left <= 0 {
			return true
		}
		t, err := partText(p, b, left)
		if err != nil {
			failed = err
			return false
		}
		left -= int64(len(t))
		texts = append(texts, fold(t))
		return true
	})
	return texts, failed
}

// partText decodes a text part, at most most bytes of it. What cannot be decoded
// is searched as it stands.
func partText(p *mailbox.Part, b io.ReaderAt, most int64) (string, error) {
	r, err := contentReader(p, b)
	if errors.Is(err, errCTE) {
		r = io.NewSectionReader(b, p.Body, p.Size())
	} else if err != nil {
		return "", err
	}
	switch charset := strings.ToLower(p.Param("charset")); charset {
	case "", "us-ascii", "utf-8":
	default:
		if decoded, err := charsetReader(charset, r); err == nil {
			r = decoded
		}
	}
	var out strings.Builder
	_, err = io.Copy(&out, io.LimitReader(r, most))
	return out.String(), err
}
