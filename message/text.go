package message

import "io"

// Content reads the content of a part with its transfer encoding undone. It
// never fails on the message, only when r does; what is not of the encoding is
// passed over, and an unknown encoding is left as it is.
func Content(r io.ReaderAt, p *Part) io.Reader {
	raw := io.NewSectionReader(r, p.Body, p.Size())
	switch p.Encoding {
	case "base64":
		return newDecodingReader(raw, new(base64Decoder))
	case "quoted-printable":
		return newDecodingReader(raw, new(quotedDecoder))
	}
	return raw
}

// Text reads the content of a text part as valid UTF-8, whatever its transfer
// encoding and charset. A charset that is not known is taken for UTF-8. Like
// Content it takes a fixed amount of memory and fails only when r does.
func Text(r io.ReaderAt, p *Part) io.Reader {
	return CharsetReader(Lower(p.Param("charset")), Content(r, p))
}

// Header returns the header of a part, with its blank line, and no more than
// MaxHeaderSize of it.
func Header(r io.ReaderAt, p *Part) ([]byte, error) {
	b := make([]byte, min(p.Body-p.Header, MaxHeaderSize))
	if len(b) == 0 {
		return b, nil
	}
	if err := readFull(r, b, p.Header); err != nil {
		return nil, err
	}
	return b, nil
}
