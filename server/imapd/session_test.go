package imapd

import (
	"strings"
	"testing"
)

const hello = "From: Alice <alice@crepes.fr>\r\nTo: bob@hamburger.edu\r\nSubject: Do you like ketchup?\r\n" +
	"Date: Wed, 25 Nov 2026 11:00:00 +0100\r\nMessage-ID: <1@crepes.fr>\r\n\r\nHow about pickles?\r\n"

func TestFirstSession(t *testing.T) {
	s := newSite(t, nil)
	s.deliver(t, hello)
	c := s.dial(t)
	c.do("a1 LOGIN bob wrong", `^a1 NO \[AUTHENTICATIONFAILED\]`)
	c.do("a1 LOGIN besieged secret", `^a1 NO \[UNAVAILABLE\] Too many failed logins; try again in 9 minutes$`)
	c.do("a2 LOGIN bob secret", `^a2 OK \[CAPABILITY .* ID\] Logged in$`)
	c.do("a3 SELECT INBOX",
		`^\* 1 EXISTS$`, `^\* 0 RECENT$`, `^\* OK \[UNSEEN 1\]`, `^\* OK \[UIDVALIDITY \d+\]`, `^\* OK \[UIDNEXT 2\]`,
		`^\* FLAGS \(\\Seen \\Answered \\Flagged \\Deleted \\Draft\)$`,
		`^\* OK \[PERMANENTFLAGS \(\\Seen \\Answered \\Flagged \\Deleted \\Draft \\\*\)\]`, `^a3 OK \[READ-WRITE\]`)
	c.do("a4 FETCH 1 (FLAGS UID INTERNALDATE RFC822.SIZE ENVELOPE)",
		`^\* 1 FETCH \(UID 1 FLAGS \(\) INTERNALDATE "25-Nov-2026 10:00:00 \+0000" RFC822.SIZE \d+ ENVELOPE \("Wed, 25 Nov 2026 11:00:00 \+0100" "Do you like ketchup\?" \(\("Alice" NIL "alice" "crepes.fr"\)\) .* NIL NIL NIL "<1@crepes.fr>"\)\)$`, `^a4 OK`)
	got := c.run("a5 FETCH 1 BODY[]")
	contains(t, got, "* 1 FETCH (FLAGS (\\Seen) BODY[] {", strings.ReplaceAll(hello, "\r\n", "\n")+")\n")
	c.do(`a6 STORE 1 +FLAGS (\Flagged $Work)`, `^\* FLAGS \(.* \$Work\)`, `^\* 1 FETCH \(FLAGS \(\\Seen \\Flagged \$Work\)\)$`, `^a6 OK`)
	c.do("a7 IDLE", `^\+ idling`)
	s.deliver(t, hello)
	c.want(`^\* 2 EXISTS$`)
	c.do("done", `^a7 OK`)
	c.do("a8 LOGOUT", `^\* BYE `, `^a8 OK`)
	c.eof()
}
