package tools

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"glassmail/lab/book"
	"glassmail/wire"
)

// refusing is a host on which some addresses answer.
type refusing struct {
	wire.OS
	answers map[string]bool
	dialled []string
}

func (r *refusing) Dial(_ context.Context, _, addr string) (net.Conn, error) {
	r.dialled = append(r.dialled, addr)
	if r.answers[addr] {
		return &farConn{}, nil
	}
	return nil, errors.New("refused")
}

func TestBookDial(t *testing.T) {
	for _, c := range []struct {
		answers []string
		fails   bool
		want    string
	}{
		{[]string{"127.0.0.1:2526"}, false, "127.0.0.1:2526"},
		{[]string{"mail.hamburger.edu:25"}, false, "127.0.0.1:2526 mail.hamburger.edu:25"},
		{nil, true, "127.0.0.1:2526 mail.hamburger.edu:25"},
	} {
		h := &refusing{answers: map[string]bool{}}
		for _, a := range c.answers {
			h.answers[a] = true
		}
		b := Book{labs: []book.Book{{}, {Hosts: map[string]string{"mail.hamburger.edu:25": "127.0.0.1:2526"}}}, host: h}
		_, err := b.Dial(t.Context(), "mail.hamburger.edu:25")
		if (err != nil) != c.fails || strings.Join(h.dialled, " ") != c.want {
			t.Errorf("%v: dialled %v, %v", c.answers, h.dialled, err)
		}
	}
}

// A name of a running lab works in telnet without any setting of the system.
func TestTelnetByNameOfALab(t *testing.T) {
	private(t)
	s := script(t, "S: 220 hamburger.edu\nC: QUIT\nS: 221\n* END", nil)
	dir, err := book.Dir()
	if err != nil {
		t.Fatal(err)
	}
	b := book.Book{PID: os.Getpid(), Hosts: map[string]string{"mail.hamburger.edu:25": s.addr}}
	if err := b.Write(dir, 2500); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd := Telnet()
	cmd.SetArgs([]string{"Mail.hamburger.edu", "smtp"})
	cmd.SetIn(strings.NewReader("QUIT\n"))
	cmd.SetOut(&out)
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.went(t)
	contains(t, out.String(), "* connected to Mail.hamburger.edu:25 ("+s.addr+")")
}
