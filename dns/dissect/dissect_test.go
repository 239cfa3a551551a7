package dissect_test

import (
	"strings"
	"testing"

	"glassmail/lab/lesson/lessontest"

	"glassmail/dns"
	"glassmail/dns/dissect"

	miekg "github.com/miekg/dns"
)

// A referral from edu, byte by byte.
func TestDissect(t *testing.T) {
	b := lessontest.Reply(t, dns.Query{Name: "hamburger.edu", Type: dns.TypeMX, ID: 0x1234})
	d := dissect.Dissect(b)
	if d.Fault != "" {
		t.Fatal(d.Fault)
	}
	text := d.Text(b)
	for _, want := range []string{
		"ID             4660", "bit 0      QR             1                            a reply",
		"c0 0c                      NAME           hamburger.edu.",
		"pointer: it stands at byte 12", "NSDNAME        dns1.hamburger.edu.", "ADDRESS        203.0.113.53",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	covered(t, b, d)
}

// covered checks that the fields cover each byte once, in order.
func covered(t *testing.T, b []byte, d dissect.Dissection) {
	t.Helper()
	at := 0
	for _, f := range d.Fields {
		if f.Bits != "" {
			continue
		}
		if f.Offset != at || f.Length <= 0 {
			t.Fatalf("field %+v does not begin at %d", f, at)
		}
		at += f.Length
	}
	if at != len(b) {
		t.Fatalf("%d of %d bytes explained", at, len(b))
	}
}

func TestDissectPointerLoop(t *testing.T) {
	b := append(lessontest.Reply(t, dns.Query{Name: "x", Type: dns.TypeA})[:12], 0xc0, 12, 0, 1, 0, 1)
	if d := dissect.Dissect(b); !strings.Contains(d.Fault, "circle") {
		t.Errorf("fault %q", d.Fault)
	}
}

// FuzzDissect holds the dissector against miekg/dns: what that reads, this reads
// in the same way.
func FuzzDissect(f *testing.F) {
	f.Add(lessontest.Reply(f, dns.Query{Name: "hamburger.edu", Type: dns.TypeMX}))
	f.Add(lessontest.Reply(f, dns.Query{Name: "edu", Type: dns.TypeSOA, DNSSEC: true}))
	f.Add(lessontest.Reply(f, dns.Query{Name: "no.edu", Type: dns.TypeA, DNSSEC: true}))
	f.Add([]byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01x\x00\x00\x01\x00\x01"))
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		d := dissect.Dissect(b)
		covered(t, b, d)
		_ = d.Text(b)
		var m miekg.Msg
		if m.Unpack(b) != nil {
			return
		}
		var names []string
		for _, q := range m.Question {
			names = append(names, q.Name)
		}
		for _, s := range [][]miekg.RR{m.Answer, m.Ns, m.Extra} {
			for _, rr := range s {
				names = append(names, rr.Header().Name)
			}
		}
		if d.Fault != "" && !lenient(d.Fault) {
			t.Fatalf("fault %q in a message that miekg/dns reads", d.Fault)
		}
		i := 0
		for _, x := range d.Fields {
			if x.Name == "NAME" || x.Name == "QNAME" {
				if i < len(names) && names[i] != x.Value {
					t.Fatalf("name %d is %q, miekg/dns reads %q", i, x.Value, names[i])
				}
				i++
			}
		}
	})
}

// lenient reports the faults that miekg/dns overlooks: a message shorter than it
// says, and data whose parts do not end where the record does.
func lenient(fault string) bool {
	for _, s := range []string{"the message ends after", "are left", "beyond its length"} {
		if strings.Contains(fault, s) {
			return true
		}
	}
	return false
}

// The same bit means one thing in a query and another in its reply.
func TestDissectBitsOfQueries(t *testing.T) {
	meaning := func(reply byte, name string) string {
		for _, f := range dissect.Dissect([]byte{0, 1, reply, 0x20, 0, 0, 0, 0, 0, 0, 0, 0}).Fields {
			if f.Name == name {
				return f.Meaning
			}
		}
		return ""
	}
	for name, want := range map[string][2]string{
		"AD": {"tell me whether signatures were checked", "all signatures were checked"},
		"AA": {"of replies only", "not from an authority for the name"},
	} {
		if query, reply := meaning(0, name), meaning(0x80, name); query != want[0] || reply != want[1] {
			t.Errorf("%s: %q in a query, %q in a reply", name, query, reply)
		}
	}
}
