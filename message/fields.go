package message

import (
	"strconv"
	"strings"
)

// maxBoundary bounds what counts as a boundary, in bytes. RFC 2046 §5.1.1 allows
// 70.
const maxBoundary = 1000

// paramCost is what a parameter costs beside its texts.
const paramCost = 32

// contentType reads Content-Type (RFC 2045 §5.1). One that cannot be read counts
// as none, save that a multipart/digest's default does not apply.
func (p *Part) contentType(v string, left *budget) {
	l := lexer{s: v}
	l.space()
	t := l.token()
	l.space()
	sub := ""
	if l.accept('/') {
		l.space()
		sub = l.token()
	}
	if t == "" || sub == "" {
		p.plain()
		return
	}
	t, sub = left.piece(Lower(t), v), left.piece(Lower(sub), v)
	if t == "" || sub == "" {
		p.opaque()
		return
	}
	p.Type, p.Subtype = t, sub
	p.Params = parameters(&l, left)
}

func (p *Part) encoding(v string, left *budget) {
	l := lexer{s: v}
	l.space()
	if e := left.piece(Lower(l.token()), v); e != "" {
		p.Encoding = e
	}
}

// disposition reads Content-Disposition (RFC 2183 §2).
func (p *Part) disposition(v string, left *budget) {
	l := lexer{s: v}
	l.space()
	if p.Disposition = left.piece(Lower(l.token()), v); p.Disposition != "" {
		p.DispParams = parameters(&l, left)
	}
}

// languages reads Content-Language (RFC 3282 §2).
func (p *Part) languages(v string, left *budget) {
	l := lexer{s: v}
	for !l.end() {
		l.space()
		if t := left.piece(l.token(), v); t != "" {
			p.Language = append(p.Language, t)
		}
		l.skipTo(',', ',')
		l.accept(',')
	}
}

// parameters reads what follows a value: ";" attribute "=" value, and so on. It
// passes over what is not of this form.
func parameters(l *lexer, left *budget) []Param {
	var out []Param
	for {
		l.skipTo(';', ';')
		if !l.accept(';') {
			return out
		}
		l.space()
		key := l.token()
		l.space()
		if key == "" || !l.accept('=') {
			continue
		}
		l.space()
		value := l.value()
		if !left.take(paramCost + len(key) + len(value)) {
			return out
		}
		key = Lower(key)
		if len(l.s) > 4<<10 {
			key, value = strings.Clone(key), strings.Clone(value)
		}
		out = append(out, Param{key, value})
	}
}

// value reads a parameter's value: quoted, or all up to the next semicolon or
// comment, for there are many that should have been quoted.
func (l *lexer) value() string {
	if l.peek() == '"' {
		return l.quoted()
	}
	start := l.i
	for !l.end() && l.s[l.i] != ';' && l.s[l.i] != '(' {
		l.i++
	}
	return strings.TrimRight(l.s[start:l.i], " \t\r\n")
}

// boundary returns the delimiter of a multipart, "" if there is none.
func boundary(params []Param) string {
	b := strings.TrimRight(joined(params, "boundary"), " \t")
	if len(b) > maxBoundary {
		return ""
	}
	return b
}

// pieceNumber is n of key*n and key*n* (RFC 2231 §3, §4.1), -1 for others and for
// those from maxPieces on.
func pieceNumber(s, key string) int {
	s, ok := strings.CutPrefix(s, key+"*")
	s = strings.TrimSuffix(s, "*")
	n, err := strconv.Atoi(s)
	if !ok || err != nil || n < 0 || n >= maxPieces || strconv.Itoa(n) != s { // "01" and "+1" are no numbers here
		return -1
	}
	return n
}
