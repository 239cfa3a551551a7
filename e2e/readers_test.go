package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// smtplibScript submits in the three ways of Python's library.
const smtplibScript = `
import smtplib, ssl, sys
ca, smtp, submission, submissions = sys.argv[1], *map(int, sys.argv[2:])
context = ssl.create_default_context(cafile=ca)
letter = 'From: bob@hamburger.edu\nTo: bob@hamburger.edu\nSubject: %s\n\nDo you like ketchup?\n.dot\n'

with smtplib.SMTP('127.0.0.1', smtp) as s:
    assert s.sendmail('alice@crepes.fr', 'bob@hamburger.edu', letter % 'plain') == {}
    try:
        s.sendmail('alice@crepes.fr', 'nobody@hamburger.edu', letter)
        assert False
    except smtplib.SMTPRecipientsRefused as e:
        assert e.recipients['nobody@hamburger.edu'][0] == 550, e.recipients

with smtplib.SMTP('127.0.0.1', submission) as s:
    s.ehlo()
    assert s.has_extn('auth')  # both ends are this machine
    s.starttls(context=context)
    s.ehlo()
    for name in ('auth', 'size', 'pipelining', '8bitmime', 'enhancedstatuscodes'):
        assert s.has_extn(name), name
    try:
        s.login('bob', 'wrong')
        assert False
    except smtplib.SMTPAuthenticationError as e:
        assert e.smtp_code == 535, e
    s.login('bob', 'bob')
    assert s.sendmail('bob@hamburger.edu', ['bob@hamburger.edu'], letter % 'STARTTLS') == {}

with smtplib.SMTP_SSL('127.0.0.1', submissions, context=context) as s:
    s.login('bob', 'bob')
    assert s.verify('bob@hamburger.edu')[0] in (250, 252)
    assert s.sendmail('bob@hamburger.edu', ['bob@hamburger.edu'], letter % 'TLS') == {}
`

func TestSmtplib(t *testing.T) {
	s := newSite(t)
	use(t, "python3", "", "python3", "-c", smtplibScript, s.ca, port(s.SMTP), port(s.Submission), port(s.Submissions))
	s.expect(t, 3)
}

// imaplibScript goes through what a reader does with mail.
const imaplibScript = `
import imaplib, ssl, sys
ca, imap, imaps = sys.argv[1], *map(int, sys.argv[2:])
context = ssl.create_default_context(cafile=ca)

def ok(reply):
    assert reply[0] == 'OK', reply
    return reply[1]

m = imaplib.IMAP4('127.0.0.1', imap)
ok(m.login('bob', 'bob'))  # without TLS: both ends are this machine
m.shutdown()

m = imaplib.IMAP4('127.0.0.1', imap)
ok(m.starttls(context))
ok(m.login('bob', 'bob'))
assert ok(m.select()) == [b'0']
for n in (1, 2, 3):
    ok(m.append('INBOX', r'(\Flagged)', None, b'Subject: number %d\r\n\r\nHow about pickles? %d\r\n' % (n, n)))
ok(m.noop())
assert ok(m.search(None, 'SUBJECT', '"number 2"')) == [b'2']
assert ok(m.search(None, 'BODY', 'pickles', 'FLAGGED')) == [b'1 2 3']
assert ok(m.uid('SEARCH', 'ALL')) == [b'1 2 3']
assert ok(m.fetch('2', '(UID BODY.PEEK[TEXT])'))[0][1] == b'How about pickles? 2\r\n'
ok(m.store('1', '+FLAGS', r'(\Deleted)'))
ok(m.uid('STORE', '2', '-FLAGS', r'(\Flagged)'))
assert b'FLAGS ()' in ok(m.fetch('2', '(FLAGS)'))[0]
ok(m.create('Kitchen'))
ok(m.copy('2:3', 'Kitchen'))
ok(m.uid('COPY', '3', 'Kitchen'))
assert ok(m.expunge()) == [b'1']
assert ok(m.uid('SEARCH', 'ALL')) == [b'2 3']
assert b'MESSAGES 3' in ok(m.status('Kitchen', '(MESSAGES UIDNEXT)'))[0]
ok(m.rename('Kitchen', 'Larder'))
assert any(b'Larder' in x for x in ok(m.list()))
ok(m.select('Larder', readonly=True))
assert m.store('1', '+FLAGS', r'(\Answered)')[0] == 'NO'
assert b'Answered' not in ok(m.fetch('1', '(FLAGS)'))[0]
ok(m.unselect())
ok(m.delete('Larder'))
m.logout()

m = imaplib.IMAP4_SSL('127.0.0.1', imaps, ssl_context=context)
ok(m.login('bob@hamburger.edu', 'bob'))
assert ok(m.select()) == [b'2']
m.logout()
`

func TestImaplib(t *testing.T) {
	s := newSite(t)
	use(t, "python3", "", "python3", "-c", imaplibScript, s.ca, port(s.IMAP), port(s.IMAPS))
	s.expect(t, 2)
}

// mbsync keeps a Maildir and the server alike, over STARTTLS, in both directions.
func TestMbsync(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	inbox := filepath.Join(dir, "INBOX")
	rc := write(t, "mbsyncrc", fmt.Sprintf(`IMAPAccount bob
Host localhost
Port %s
User bob
Pass bob
SSLType STARTTLS
CertificateFile %s
SystemCertificates no

IMAPStore far
Account bob

MaildirStore near
Path %s/
Inbox %s
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
`, port(s.IMAP), s.ca, dir, inbox))
	sync := func() {
		t.Helper()
		use(t, "isync", "", "mbsync", "-c", rc, "-a")
	}
	local := func() []string {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(inbox, "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	play(t, s.SMTP, letterTo("bob@hamburger.edu"))
	sync()
	files := local()
	if len(files) != 1 {
		t.Fatalf("after new mail at the server: %v", files)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(text), "Do you like ketchup?\n")

	// A flag and a message of our own go up.
	seen := strings.SplitN(filepath.Base(files[0]), ":", 2)[0] + ":2,S"
	if err := os.Rename(files[0], filepath.Join(inbox, "cur", seen)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inbox, "new", "1.of-ours"), []byte("Subject: ours\n\nHow about pickles?\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sync()
	curl := func(args ...string) string {
		t.Helper()
		return use(t, "curl", "", "curl", append([]string{"-sS", "--cacert", s.ca, "--ssl-reqd", "-u", "bob:bob"}, args...)...)
	}
	base := "imap://" + s.IMAP
	contains(t, curl(base+"/INBOX?SEEN"), "* SEARCH 1\r\n")
	contains(t, curl(base+"/INBOX;MAILINDEX=2"), "Subject: ours\r\n", "How about pickles?\r\n")

	// What is expunged on one side disappears on the other, in both directions.
	curl(base+"/INBOX", "-X", `STORE 1 +FLAGS.SILENT (\Deleted)`, "--next", "-sS", "--cacert", s.ca, "--ssl-reqd", "-u", "bob:bob", base+"/INBOX", "-X", "EXPUNGE")
	sync()
	if files = local(); len(files) != 1 {
		t.Fatalf("after an expunge at the server: %v", files)
	}
	if err := os.Rename(files[0], strings.SplitN(files[0], ":", 2)[0]+":2,ST"); err != nil {
		t.Fatal(err)
	}
	sync()
	s.expect(t, 0)
	if files = local(); len(files) != 0 {
		t.Errorf("after an expunge here: %v", files)
	}
}

// neomutt sends through submission, and saves what it finds in the folder.
func TestMutt(t *testing.T) {
	s := newSite(t)
	saved := filepath.Join(t.TempDir(), "saved")
	rc := write(t, "muttrc", fmt.Sprintf(`set from=bob@hamburger.edu realname="Bob" use_envelope_from=yes copy=no
set smtp_url=smtp://bob@localhost:%s/ smtp_pass=bob
set folder=imap://localhost:%s/ spoolfile=+INBOX imap_user=bob imap_pass=bob
set ssl_starttls=yes ssl_force_tls=yes ssl_ca_certificates_file=%s ssl_usesystemcerts=no certificate_file=%s
set header_cache="" mail_check=0 confirmappend=no confirmcreate=no delete=yes quit=yes
`, port(s.Submission), port(s.IMAP), s.ca, s.ca))
	use(t, "neomutt", "Do you like ketchup?\n", "neomutt", "-n", "-F", rc, "-s", "Lunch from mutt", "-a", rc, "--", "bob@hamburger.edu")
	s.expect(t, 1)
	keys := `push "<tag-pattern>~A<enter><tag-prefix><copy-message>` + saved + `<enter><delete-message><quit>"`
	use(t, "bsdutils", "", "script", "-qec", fmt.Sprintf("TERM=xterm neomutt -n -F %s -e '%s' </dev/tty", rc, keys), "/dev/null")
	text, err := os.ReadFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(text), "Subject: Lunch from mutt", "Do you like ketchup?", "Content-Disposition: attachment", "smtp_url=")
	s.expect(t, 0)
}
