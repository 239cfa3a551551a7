package queue

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"glassmail/mail"
)

func read(s string) (reply, error) {
	return readReply(bufio.NewReaderSize(strings.NewReader(s), maxReplyLine), func(line string) (string, bool) { return line, true })
}

func TestReadReply(t *testing.T) {
	tests := []struct {
		in   string
		want mail.Reply
		err  error
	}{
		{"250 ok\r\n", mail.Reply{Code: 250, Text: "ok"}, nil},
		{"250 ok\n", mail.Reply{Code: 250, Text: "ok"}, nil},
		{"250\r\n", mail.Reply{Code: 250}, nil},
		{"250-a\r\n250-b\r\n250 c\r\n", mail.Reply{Code: 250, Text: "a b c"}, nil},
		{"550 5.1.1 who\r\n", mail.Reply{Code: 550, Enhanced: mail.Enhanced{5, 1, 1}, Text: "who"}, nil},
		{"550-5.1.1 who\r\n550 5.1.1 is bob\r\n", mail.Reply{Code: 550, Enhanced: mail.Enhanced{5, 1, 1}, Text: "who is bob"}, nil},
		{"550-5.1.1 who\r\n550 5.1.10\r\n", mail.Reply{Code: 550, Enhanced: mail.Enhanced{5, 1, 1}, Text: "who 5.1.10"}, nil},
		{"450 5.1.1 class\r\n", mail.Reply{Code: 450, Text: "5.1.1 class"}, nil},
		{"250 1.2.3.4\r\n", mail.Reply{Code: 250, Text: "1.2.3.4"}, nil},
		{"250 a\x00b\x1b[31m\xff\r\n", mail.Reply{Code: 250, Text: "a?b?[31m?"}, nil},
		{"250-a\r\n550 b\r\n", mail.Reply{}, errBadReply},
		{"150 a\r\n", mail.Reply{}, errBadReply},
		{"650 a\r\n", mail.Reply{}, errBadReply},
		{"25 a\r\n", mail.Reply{}, errBadReply},
		{"250_a\r\n", mail.Reply{}, errBadReply},
		{"\r\n", mail.Reply{}, errBadReply},
		{"250 a", mail.Reply{}, io.EOF},
		{"250-a\r\n", mail.Reply{}, io.EOF},
		{"250 " + strings.Repeat("x", maxReplyLine), mail.Reply{}, errLongReply},
		{strings.Repeat("250-xxxxxxxxxxxxxxxxxxxxxxxxxx\r\n", maxReplySize/32+1), mail.Reply{}, errLongReply},
	}
	for _, tt := range tests {
		got, err := read(tt.in)
		if !errors.Is(err, tt.err) || err == nil && got.Reply != tt.want {
			t.Errorf("%.40q: %+v, %v; want %+v, %v", tt.in, got.Reply, err, tt.want, tt.err)
		}
	}
}

func FuzzReadReply(f *testing.F) {
	for _, s := range []string{"250 ok\r\n", "250-a\r\n250 b\r\n", "550 5.1.1 x\r\n", "421", "250-\xff\r\n250\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rep, err := read(s)
		if err != nil {
			return
		}
		if rep.Code < 200 || rep.Code > 599 || len(rep.lines) == 0 || len(rep.Text) > maxReplyText {
			t.Errorf("%+v", rep)
		}
		if !utf8.ValidString(rep.Text) || strings.ContainsFunc(rep.Text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("the text %q is not printable", rep.Text)
		}
		if e := rep.Enhanced; e[0] != 0 && int(e[0]) != rep.Code/100 {
			t.Errorf("the code %s stands in a reply %d", e, rep.Code)
		}
		// What is handed to the client reads back as the same reply.
		again, err := read(rep.Error() + "\r\n")
		if err != nil || again.Code != rep.Code {
			t.Errorf("%q reads back as %+v, %v", rep.Error(), again.Reply, err)
		}
	})
}
