package message

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
)

// DecodeHeader returns the text of a header field's value with its encoded words
// decoded (RFC 2047), in UTF-8. What cannot be decoded stays as it is. It takes
// time in proportion to the length.
func DecodeHeader(s string) string {
	if !strings.Contains(s, "=?") {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	var out strings.Builder
	var run encodedRun
	for len(s) > 0 {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		cs, text, n := encodedWord(s[i:])
		if n == 0 {
			run.flush(&out)
			out.WriteString(s[:i+2])
			s = s[i+2:]
			continue
		}
		if run.charset == "" || strings.Trim(s[:i], " \t") != "" { // RFC 2047 §6.2: blanks between words do not show
			run.flush(&out)
			out.WriteString(s[:i])
		}
		run.add(&out, cs, text)
		s = s[i+n:]
	}
	run.flush(&out)
	out.WriteString(s)
	return strings.ToValidUTF8(out.String(), "\uFFFD")
}

// encodedRun is adjacent encoded words of one charset. They are converted
// together, for many programs divide characters between words.
type encodedRun struct {
	charset string
	text    []byte
}

func (r *encodedRun) add(out *strings.Builder, cs string, text []byte) {
	if cs != r.charset {
		r.flush(out)
	}
	r.charset = cs
	r.text = append(r.text, text...)
}

func (r *encodedRun) flush(out *strings.Builder) {
	if r.charset != "" {
		out.WriteString(toUTF8(r.charset, r.text))
	}
	r.charset, r.text = "", r.text[:0]
}

// encodedWord reads an encoded word at the beginning of s, and returns its
// charset in lower case, its decoded text, and its length; 0 if there is none.
func encodedWord(s string) (cs string, text []byte, n int) {
	cs, encoding, raw, n := splitWord(s)
	switch encoding {
	case 'b':
		text = new(base64Decoder).decode(nil, []byte(raw))
	case 'q':
		d := new(quotedDecoder)
		text = d.end(d.decode(nil, bytes.ReplaceAll([]byte(raw), []byte{'_'}, []byte{' '}))) // RFC 2047 §4.2
	default:
		return "", nil, 0
	}
	cs, _, _ = strings.Cut(cs, "*") // a language may follow: RFC 2231 §5
	return Lower(cs), text, n
}

// splitWord divides =?charset?encoding?text?= (RFC 2047 §2). It looks no further
// than the question marks that belong to it, so that trying it at each "=?" of a
// text takes linear time.
func splitWord(s string) (cs string, encoding byte, text string, n int) {
	if !strings.HasPrefix(s, "=?") {
		return "", 0, "", 0
	}
	cs, rest, ok := strings.Cut(s[2:min(len(s), 2+64)], "?")
	if !ok || cs == "" || len(rest) < 2 || rest[1] != '?' {
		return "", 0, "", 0
	}
	start := 2 + len(cs) + 3
	length := strings.IndexByte(s[start:], '?')
	if end := start + length + 2; length >= 0 && end <= len(s) && s[end-1] == '=' {
		return cs, LowerByte(rest[0]), s[start : start+length], end
	}
	return "", 0, "", 0
}

// toUTF8 converts a short text.
func toUTF8(cs string, text []byte) string {
	if IsUTF8(cs) {
		return string(text)
	}
	b, err := io.ReadAll(CharsetReader(cs, bytes.NewReader(text)))
	if err != nil {
		return string(text)
	}
	return string(b)
}

// IsUTF8 reports a charset whose texts are UTF-8 as they are.
func IsUTF8(cs string) bool {
	return cs == "" || cs == "utf-8" || cs == "us-ascii" || cs == "utf8" || cs == "ascii"
}

// CharsetReader converts to valid UTF-8. A charset that is not known is taken for
// UTF-8. A text that breaks the rules of its charset ends there, without an error.
func CharsetReader(cs string, r io.Reader) io.Reader {
	var to transform.Transformer = runes.ReplaceIllFormed()
	source := &noted{r: r}
	switch {
	case IsUTF8(cs):
	case cs == "utf-16": // without a byte order mark it is big endian: RFC 2781 §4.3
		to = unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder()
	default:
		if converted, err := charset.Reader(cs, source); err == nil {
			return &conversion{converted, source}
		}
	}
	return &conversion{transform.NewReader(source, to), source}
}

// noted remembers the error of a reader.
type noted struct {
	r   io.Reader
	err error
}

func (n *noted) Read(p []byte) (int, error) {
	got, err := n.r.Read(p)
	if err != nil && err != io.EOF {
		n.err = err
	}
	return got, err
}

// conversion reports the errors of the source only.
type conversion struct {
	r      io.Reader
	source *noted
}

func (c *conversion) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && c.source.err == nil {
		err = io.EOF
	}
	return n, err
}

// Filename is the name under which the sender would have a part saved, decoded
// (RFC 2183 §2.3, RFC 2231 §4, or RFC 2047, which many use), "" if there is
// none. It is the sender's text: it may hold slashes and anything else.
func (p *Part) Filename() string {
	if n := decodedParam(p.DispParams, "filename"); n != "" {
		return n
	}
	return decodedParam(p.Params, "name")
}

func decodedParam(params []Param, key string) string {
	if v := param(params, key); v != "" {
		return DecodeHeader(v)
	}
	if v := param(params, key+"*"); v != "" {
		return decodeExtended(v)
	}
	v := joined(params, key)
	if param(params, key+"*0*") != "" {
		return decodeExtended(v)
	}
	return strings.ToValidUTF8(v, "\uFFFD")
}

// decodeExtended reads charset'language'text with percent signs (RFC 2231 §4).
func decodeExtended(v string) string {
	cs, rest, ok := strings.Cut(v, "'")
	_, text, ok2 := strings.Cut(rest, "'")
	if !ok || !ok2 {
		cs, text = "", v
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) && IsHex(text[i+1]) && IsHex(text[i+2]) {
			out = append(out, HexValue(text[i+1])<<4|HexValue(text[i+2]))
			i += 2
			continue
		}
		out = append(out, text[i])
	}
	s := toUTF8(Lower(cs), out)
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}
