package mailview

import (
	"bytes"
	"encoding/base64"
	"image"
	_ "image/gif"  // the formats whose size can be told
	_ "image/jpeg" // before a browser unpacks them
	_ "image/png"
	"io"
	"net/url"
	"strings"

	"golang.org/x/net/html"

	"glassmail/mail"
	"glassmail/message"
)

// pictures puts the parts that HTML names by cid: in the place of the names (RFC
// 2392). A part is read once, however often it is named.
type pictures struct {
	text   mail.Message
	parts  map[string]*message.Part // by content id
	read   map[*message.Part]*picture
	left   int // bytes that may still be placed
	pixels int // and pixels
}

// picture is one that can be shown.
type picture struct {
	url          string // with its data
	size, pixels int
}

func newPictures(text mail.Message, rec *message.Record) *pictures {
	p := &pictures{text: text, parts: map[string]*message.Part{}, read: map[*message.Part]*picture{}, left: MaxImages, pixels: MaxPixels}
	rec.Root.Walk(func(one *message.Part) bool {
		id := strings.Trim(one.ID, "<> ")
		if !one.Multipart() && id != "" && p.parts[id] == nil {
			p.parts[id] = one
		}
		return true
	})
	return p
}

// write writes an img element with its picture, or the words in its place.
func (p *pictures) write(out *bytes.Buffer, t html.Token) error {
	pic, err := p.find(attribute(t, "src"))
	if err != nil {
		return err
	}
	if pic == nil || !p.fits(pic) {
		leaveOut(out, attribute(t, "alt"))
		return nil
	}
	p.left -= pic.size
	p.pixels -= pic.pixels
	for i := range t.Attr {
		if t.Attr[i].Key == "src" {
			t.Attr[i].Val = pic.url
		}
	}
	t.Type = html.StartTagToken
	out.WriteString(t.String())
	return nil
}

func (p *pictures) fits(pic *picture) bool { return pic.size <= p.left && pic.pixels <= p.pixels }

// leaveOut writes the words of a picture in its place; without words it leaves nothing.
func leaveOut(out *bytes.Buffer, alt string) {
	if alt != "" {
		out.WriteString(`<span style="border: 1px dashed gray; padding: 0 4px">` + html.EscapeString(alt) + "</span>")
	}
}

// find is the picture of the message that a cid: names, nil if there is none.
func (p *pictures) find(src string) (*picture, error) {
	if len(src) < 4 || !strings.EqualFold(src[:4], "cid:") {
		return nil, nil
	}
	id, err := url.PathUnescape(src[4:])
	part := p.parts[id]
	if err != nil || part == nil {
		return nil, nil
	}
	if pic, done := p.read[part]; done {
		return pic, nil
	}
	pic, err := p.load(part)
	if err != nil {
		return nil, err
	}
	if pic != nil && !p.fits(pic) { // nor will it later: what is kept is what is shown
		pic = nil
	}
	p.read[part] = pic
	return pic, nil
}

// load reads a picture; nil if it is none, or too large.
func (p *pictures) load(part *message.Part) (*picture, error) {
	b, err := io.ReadAll(io.LimitReader(message.Content(p.text, part), MaxImage+1))
	if err != nil || len(b) > MaxImage {
		return nil, err
	}
	size, format, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil || size.Width <= 0 || size.Height <= 0 || size.Width > MaxPixels/size.Height {
		return nil, nil
	}
	return &picture{"data:image/" + format + ";base64," + base64.StdEncoding.EncodeToString(b), len(b), size.Width * size.Height}, nil
}
