package mailbox

import (
	"bytes"
	"glassmail/message"
	"io"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Texts are compared without regard to case, to how characters are composed, and
// to how much white space there is, line ends included: decomposed (Unicode
// NFKD), in lower case by way of title case, as i;unicode-casemap does
// (RFC 5051), with each stretch of white space as one blank.

// folder brings a text into that form, piece by piece.
type folder struct {
	blank      bool // the last byte of the output was a blank
	decomposed []byte
}

// fold appends the form of a piece. Pieces must not divide characters.
func (f *folder) fold(dst, piece []byte) []byte {
	for len(piece) > 0 {
		n := asciiPrefix(piece)
		dst = f.ascii(dst, piece[:n])
		piece = piece[n:]
		n = 0
		for n < len(piece) && piece[n] >= utf8.RuneSelf {
			n++
		}
		if n > 0 {
			dst = f.runes(dst, piece[:n])
			piece = piece[n:]
		}
	}
	return dst
}

func asciiPrefix(b []byte) int {
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return i
		}
	}
	return len(b)
}

func (f *folder) ascii(dst, piece []byte) []byte {
	blank := f.blank
	for _, c := range piece {
		if c <= ' ' && (c == ' ' || c >= '\t' && c <= '\r') {
			if blank {
				continue
			}
			c = ' '
		}
		blank = c == ' '
		dst = append(dst, message.LowerByte(c))
	}
	f.blank = blank
	return dst
}

func (f *folder) runes(dst, piece []byte) []byte {
	f.decompose(piece)
	for rest := f.decomposed; len(rest) > 0; {
		if n := asciiPrefix(rest); n > 0 {
			dst = f.ascii(dst, rest[:n])
			rest = rest[n:]
			continue
		}
		r, n := utf8.DecodeRune(rest)
		rest = rest[n:]
		switch {
		case !unicode.IsSpace(r):
			dst = utf8.AppendRune(dst, unicode.ToLower(unicode.ToTitle(r)))
			f.blank = false
		case !f.blank:
			dst = append(dst, ' ')
			f.blank = true
		}
	}
	return dst
}

// decompose is norm.NFKD.Append without its allocations, for a piece in which
// marks need not be put in order.
func (f *folder) decompose(piece []byte) {
	f.decomposed = f.decomposed[:0]
	for rest := piece; len(rest) > 0; {
		p := norm.NFKD.Properties(rest)
		n := p.Size()
		if r, _ := utf8.DecodeRune(rest); n == 0 || p.CCC() != 0 || unicode.Is(unicode.Hangul, r) {
			f.decomposed = norm.NFKD.Append(f.decomposed[:0], piece...)
			return
		}
		if d := p.Decomposition(); d != nil {
			f.decomposed = append(f.decomposed, d...)
		} else {
			f.decomposed = append(f.decomposed, rest[:n]...)
		}
		rest = rest[n:]
	}
}

// needle is a text to look for, folded.
type needle []byte

func newNeedle(s string) needle { return new(folder).fold(nil, []byte(s)) }

// in reports whether a text contains the needle.
func (n needle) in(s string) bool {
	return len(n) == 0 || bytes.Contains(new(folder).fold(nil, []byte(s)), n)
}

// finder looks for several needles in the texts it is given, each in a fixed
// amount of memory. A needle is found if any text has it.
type finder struct {
	needles []needle // those not found yet
	in, out []byte
}

const findBuffer = 16 << 10

func newFinder(needles []needle) *finder {
	f := new(finder)
	for _, n := range needles {
		if len(n) > 0 {
			f.needles = append(f.needles, n)
		}
	}
	return f
}

func (f *finder) done() bool { return len(f.needles) == 0 }

// search reads a text to its end or until all needles are found.
func (f *finder) search(r io.Reader) error {
	var fold folder
	overlap := 0
	for _, n := range f.needles {
		overlap = max(overlap, len(n)-1)
	}
	if f.in == nil {
		f.in = make([]byte, findBuffer)
	}
	f.out = f.out[:0]
	held := 0 // bytes of a character that the last piece cut
	for !f.done() {
		n, err := r.Read(f.in[held:])
		n += held
		whole := n
		if err == nil {
			whole = wholePrefix(f.in[:n])
		}
		f.out = fold.fold(f.out, f.in[:whole])
		held = copy(f.in, f.in[whole:n])
		f.look()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if cut := len(f.out) - overlap; cut > 0 {
			f.out = append(f.out[:0], f.out[cut:]...)
		}
	}
	return nil
}

func (f *finder) look() {
	left := f.needles[:0]
	for _, n := range f.needles {
		if !bytes.Contains(f.out, n) {
			left = append(left, n)
		}
	}
	f.needles = left
}

// wholePrefix is how much of b can be folded without what follows: it ends where
// a character with its marks ends, unless there are endless marks.
func wholePrefix(b []byte) int {
	n := len(b)
	if n == 0 || b[n-1] < utf8.RuneSelf {
		return n
	}
	if i := norm.NFKD.LastBoundary(b); i > 0 && n-i < findBuffer/2 {
		return i
	}
	for i := n - 1; i >= max(0, n-utf8.UTFMax); i-- {
		if utf8.RuneStart(b[i]) {
			if i > 0 && !utf8.FullRune(b[i:]) {
				return i
			}
			break
		}
	}
	return n
}
