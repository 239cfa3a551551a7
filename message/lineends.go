package message

import "io"

// crlfDecoder turns the line ends of a file into those of a message: each LF
// gets the CR that it lacks.
type crlfDecoder struct{ cr bool }

func (d *crlfDecoder) decode(dst, src []byte) []byte {
	for _, c := range src {
		if c == '\n' && !d.cr {
			dst = append(dst, '\r')
		}
		d.cr = c == '\r'
		dst = append(dst, c)
	}
	return dst
}

func (d *crlfDecoder) end(dst []byte) []byte { return dst }

// lfDecoder turns the line ends of a message into those of a file.
type lfDecoder struct{ cr bool }

func (d *lfDecoder) decode(dst, src []byte) []byte {
	for _, c := range src {
		if d.cr && c != '\n' {
			dst = append(dst, '\r')
		}
		if d.cr = c == '\r'; !d.cr {
			dst = append(dst, c)
		}
	}
	return dst
}

func (d *lfDecoder) end(dst []byte) []byte {
	if d.cr {
		dst = append(dst, '\r')
	}
	return dst
}

// WithCRLF gives each line of a text its CR LF (RFC 5322 §2.3).
func WithCRLF(r io.Reader) io.Reader { return newDecodingReader(r, new(crlfDecoder)) }

// WithLF is a stored content with the line ends of Unix.
func WithLF(r io.ReaderAt, size int64) io.Reader {
	return newDecodingReader(io.NewSectionReader(r, 0, size), new(lfDecoder))
}
