package message

import "io"

// decoder undoes a content transfer encoding piece by piece. It takes any bytes:
// what is not of the encoding is passed over or through.
type decoder interface {
	// decode appends what src stands for to dst.
	decode(dst, src []byte) []byte
	// end appends what was held back.
	end(dst []byte) []byte
}

// decodingReader reads through a decoder with a fixed amount of memory.
type decodingReader struct {
	r   io.Reader
	d   decoder
	in  []byte
	out []byte // what Read has not taken yet is out[at:]
	at  int
	err error
}

func newDecodingReader(r io.Reader, d decoder) *decodingReader {
	return &decodingReader{r: r, d: d, in: make([]byte, 8<<10)}
}

func (r *decodingReader) Read(p []byte) (int, error) {
	for r.at == len(r.out) {
		if r.err != nil {
			return 0, r.err
		}
		n, err := r.r.Read(r.in)
		r.out, r.at = r.d.decode(r.out[:0], r.in[:n]), 0
		if r.err = err; err == io.EOF {
			r.out = r.d.end(r.out)
		}
	}
	n := copy(p, r.out[r.at:])
	r.at += n
	return n, nil
}

// base64Decoder undoes base64 (RFC 2045 §6.8). Characters outside the alphabet
// are passed over; after padding, a new sequence may begin.
type base64Decoder struct {
	value uint32 // of the bits collected
	bits  int
}

func (d *base64Decoder) decode(dst, src []byte) []byte {
	for _, c := range src {
		v := sextet(c)
		if v == 0xff {
			if c == '=' {
				d.value, d.bits = 0, 0
			}
			continue
		}
		d.value = d.value<<6 | uint32(v)
		if d.bits += 6; d.bits >= 8 {
			d.bits -= 8
			dst = append(dst, byte(d.value>>d.bits))
		}
	}
	return dst
}

func (d *base64Decoder) end(dst []byte) []byte { return dst }

// sextets has, for each ASCII character, its value, or 0xff.
const sextets = "" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x3e\xff\xff\xff\x3f" +
	"\x34\x35\x36\x37\x38\x39\x3a\x3b\x3c\x3d\xff\xff\xff\xff\xff\xff" +
	"\xff\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e" +
	"\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\xff\xff\xff\xff\xff" +
	"\xff\x1a\x1b\x1c\x1d\x1e\x1f\x20\x21\x22\x23\x24\x25\x26\x27\x28" +
	"\x29\x2a\x2b\x2c\x2d\x2e\x2f\x30\x31\x32\x33\xff\xff\xff\xff\xff"

// sextet is the value of a character, 0xff if it has none.
func sextet(c byte) byte {
	if c >= 0x80 {
		return 0xff
	}
	return sextets[c]
}

// quotedDecoder undoes quoted-printable (RFC 2045 §6.7).
type quotedDecoder struct {
	state quotedState
	digit byte // the first of two
}

type quotedState uint8

const (
	quotedText  quotedState = iota
	quotedEqual             // after "="
	quotedDigit             // after "=" and a digit
	quotedBlank             // after "=" and blanks, which may end the line
	quotedCR                // after "=", maybe blanks, and CR
)

func (d *quotedDecoder) decode(dst, src []byte) []byte {
	for _, c := range src {
		if d.state != quotedText {
			var taken bool
			if dst, taken = d.escaped(dst, c); taken {
				continue
			}
			d.state = quotedText
		}
		if c == '=' {
			d.state = quotedEqual
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// escaped takes a byte after "=". If it does not take it, what came before was
// no escape, has been appended, and c is text.
func (d *quotedDecoder) escaped(dst []byte, c byte) (_ []byte, taken bool) {
	switch {
	case d.state == quotedDigit:
		if IsHex(c) {
			d.state = quotedText
			return append(dst, HexValue(d.digit)<<4|HexValue(c)), true
		}
		return append(dst, '=', d.digit), false
	case c == '\n': // a soft line break
		d.state = quotedText
		return dst, true
	case d.state == quotedCR:
		return append(dst, '=', '\r'), false
	case c == '\r':
		d.state = quotedCR
		return dst, true
	case c == ' ' || c == '\t':
		d.state = quotedBlank
		return dst, true
	case d.state == quotedBlank:
		return append(dst, '=', ' '), false
	case IsHex(c):
		d.state, d.digit = quotedDigit, c
		return dst, true
	}
	return append(dst, '='), false
}

func (d *quotedDecoder) end(dst []byte) []byte {
	if d.state == quotedDigit {
		dst = append(dst, '=', d.digit)
	}
	return dst
}

// IsHex reports a digit of a hexadecimal number.
func IsHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' || c >= 'a' && c <= 'f'
}

// HexValue is the value of one.
func HexValue(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}
