package main

import (
	"bytes"
	"fmt"
	"strconv"
)

// text is a message with the end of its DATA. Its Message-ID has a place for a
// number, so that no two messages are equal.
type text struct {
	bytes []byte
	place int // of the number's first digit
}

const (
	idDigits   = 16
	textHeader = "From: Alice <alice@crepes.fr>\r\n" +
		"To: Bob <bob@hamburger.edu>\r\n" +
		"Subject: Searching for the best burger\r\n" +
		"Date: Wed, 01 Jan 2025 12:00:00 +0000\r\n" +
		"Message-ID: <%0*d@crepes.fr>\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
	textLine = "Do you like ketchup? How about pickles? Line %6d of a longer letter.\r\n"
)

// firstLine is in each message, and nowhere else.
func firstLine() string { return fmt.Sprintf("Line %6d of a longer letter", 1) }

// newText makes a message of about size bytes: a header and lines of text.
func newText(size int) text {
	b := fmt.Appendf(nil, textHeader, idDigits, 0)
	for n := 1; len(b) < size || n == 1; n++ {
		line := fmt.Appendf(nil, textLine, n)
		if left := size - len(b); left < len(line) && left >= 3 {
			line = append(line[:left-2], "\r\n"...)
		}
		b = append(b, line...)
	}
	b = append(b, ".\r\n"...)
	return text{bytes: b, place: bytes.Index(b, []byte("Message-ID: <")) + len("Message-ID: <")}
}

// of is a copy for one sender, whose numbers are its own.
func (t text) of(sender int) text {
	t.bytes = bytes.Clone(t.bytes)
	copy(t.bytes[t.place:], fmt.Sprintf("%0*d", idDigits/2, sender))
	return t
}

// number sets the lower half of the number in the Message-ID.
func (t text) number(n int) {
	half := t.bytes[t.place+idDigits/2 : t.place+idDigits]
	for i := range half {
		half[i] = '0'
	}
	digits := strconv.Itoa(n % 100_000_000)
	copy(half[len(half)-len(digits):], digits)
}
