package tools

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"glassmail/cmd/glassmail/cli"
	"glassmail/mail"
)

// sendFlags are the flags of send.
type sendFlags struct {
	to, attach                  []string
	from, subject, body         string
	server, tls, ca, auth, ehlo string
	password                    string // file
	insecure, bdat              bool
	timeout                     time.Duration
}

// Send is the command that sends one message and shows the dialogue.
func Send() *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use:   "send --to ADDRESS",
		Short: "Send a message and show the dialogue",
		Long: `Send a message and show the dialogue with the server. Without --body the text
comes from the standard input. Passwords are masked.

Without --server, a running lab is looked for that has the sender's mail server, or
else the recipient's; if there is none, the message goes to port 25 of this machine.

--tls says what is to be done about encryption:
  no             never
  opportunistic  STARTTLS if the server offers it; the certificate is not checked
  require        STARTTLS, with a certificate that is trusted
  implicit       TLS from the first byte, as on port 465`,
		Example: `  echo Do you like ketchup? | glassmail send --from alice@crepes.fr --to bob@hamburger.edu
  glassmail send --to bob@hamburger.edu --subject สวัสดี --body hello --attach photo.jpg
  glassmail send --to bob@hamburger.edu --server 127.0.0.1:2587 --auth alice:alice --body hello`,
		Args: cobra.NoArgs,
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.to, "to", nil, "`ADDRESS` of a recipient; may be given several times")
	fl.StringVar(&f.from, "from", "", "`ADDRESS` of the sender (default: user@host of this machine)")
	fl.StringVar(&f.subject, "subject", "", "subject, `TEXT`")
	fl.StringVar(&f.body, "body", "", "`TEXT` of the message (default: the standard input)")
	fl.StringVar(&f.server, "server", "", "`HOST:PORT` of the server (default: see above)")
	fl.StringArrayVar(&f.attach, "attach", nil, "`FILE` to send along; may be given several times")
	fl.StringVar(&f.tls, "tls", "opportunistic", "`HOW` to encrypt: no, opportunistic, require or implicit")
	fl.StringVar(&f.ca, "ca", "", "PEM `FILE` with the certificates to trust instead of the system's")
	fl.BoolVar(&f.insecure, "insecure", false, "do not check the server's certificate")
	fl.StringVar(&f.auth, "auth", "", "`USER` to log in as, with the password that --password-file names or you type; USER:PASSWORD is for trials: all users of the machine see it")
	PasswordFlag(cmd, &f.password)
	fl.StringVar(&f.ehlo, "ehlo", "", "`NAME` to introduce oneself with (default: this machine's address)")
	fl.BoolVar(&f.bdat, "bdat", false, "send the message with BDAT instead of DATA")
	fl.DurationVar(&f.timeout, "timeout", time.Minute, "how long to wait for each reply")
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		b := OpenBook()
		d, err := f.delivery(c, b)
		if err != nil {
			return err
		}
		conn, err := b.Dial(c.Context(), d.server)
		if err != nil {
			return err
		}
		out := c.OutOrStdout()
		return d.run(c.Context(), conn, func(l string) { fmt.Fprintln(out, l) })
	}
	return cli.Prepare(cmd)
}

// delivery checks the flags and reads the files and the text.
func (f *sendFlags) delivery(c *cobra.Command, b Book) (*delivery, error) {
	d := &delivery{tls: f.tls, ehlo: f.ehlo, bdat: f.bdat, timeout: f.timeout}
	d.subject = f.subject
	if err := f.check(); err != nil {
		return nil, err
	}
	if err := f.addresses(d); err != nil {
		return nil, err
	}
	var err error
	if d.trust, err = f.trust(); err != nil {
		return nil, err
	}
	if f.auth != "" {
		var ok bool
		d.user, d.password, ok = strings.Cut(f.auth, ":")
		if d.user == "" {
			return nil, cli.Wrong("--auth wants USER, or USER:PASSWORD")
		}
		if !ok {
			if d.password, err = Password(c, d.user, f.password); err != nil {
				return nil, err
			}
		}
	}
	if d.server = f.server; d.server == "" {
		d.server = chooseServer(b, d)
	}
	for _, path := range f.attach {
		a, err := readAttachment(path)
		if err != nil {
			return nil, err
		}
		d.files = append(d.files, a)
	}
	d.body, err = f.text(c)
	return d, err
}

// check refuses values that no message could carry.
func (f *sendFlags) check() error {
	switch {
	case len(f.to) == 0:
		return cli.Wrong("--to is missing: who is to get the message?")
	case !slices.Contains(tlsModes[:], f.tls):
		return cli.Wrong("--tls is one of %s", strings.Join(tlsModes[:], ", "))
	case f.timeout <= 0:
		return cli.Wrong("--timeout must be above zero")
	case strings.ContainsAny(f.subject, "\r\n"):
		return cli.Wrong("--subject has to be one line")
	case strings.ContainsFunc(f.ehlo, func(r rune) bool { return r <= ' ' || control(r) }):
		return cli.Wrong("--ehlo has to be one word")
	}
	return nil
}

func (f *sendFlags) addresses(d *delivery) error {
	from := f.from
	if from == "" {
		from = localUser()
	}
	var err error
	if d.from, err = parseMailbox(from); err != nil {
		return cli.Wrong("--from: %w", err)
	}
	for _, to := range f.to {
		m, err := parseMailbox(to)
		if err != nil {
			return cli.Wrong("--to: %w", err)
		}
		d.to = append(d.to, m)
	}
	return nil
}

// localUser is user@host of whoever runs the program.
func localUser() string {
	name, host := "user", "localhost"
	if u, err := user.Current(); err == nil {
		name = u.Username[strings.LastIndexByte(u.Username, '\\')+1:] // Windows: DOMAIN\user
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return mail.Address{Local: name, Domain: strings.ToLower(host)}.String()
}

// trust is the part of the TLS configuration that says whom to trust.
func (f *sendFlags) trust() (*tls.Config, error) {
	cfg := &tls.Config{InsecureSkipVerify: f.insecure, MinVersion: tls.VersionTLS12}
	if f.ca == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(f.ca)
	if err != nil {
		return nil, fmt.Errorf("read the certificates to trust: %w", err)
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", f.ca)
	}
	return cfg, nil
}

// chooseServer is the mail server of the sender's domain, or of the first
// recipient's, in a running lab, else this machine.
func chooseServer(b Book, d *delivery) string {
	port := ":25"
	if d.user != "" {
		port = ":587"
	}
	if d.tls == "implicit" {
		port = ":465"
	}
	for _, domain := range []string{d.from.addr.Domain, d.to[0].addr.Domain} {
		for _, host := range []string{"mail." + domain, domain} {
			if _, ok := b.Find(host + port); ok {
				return host + port
			}
		}
	}
	return "127.0.0.1" + port
}

// text is the body; a person is told how to end it.
func (f *sendFlags) text(c *cobra.Command) (string, error) {
	if c.Flags().Changed("body") {
		return f.body, nil
	}
	in := c.InOrStdin()
	if file, ok := in.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprintln(c.ErrOrStderr(), "Type the text; Ctrl-D on a line of its own ends it (Ctrl-Z and Enter on Windows).")
	}
	b, err := readAll(until(c.Context(), in))
	if err != nil {
		return "", fmt.Errorf("read the text: %w", err)
	}
	if len(b) == 0 && len(f.attach) == 0 {
		return "", errors.New("the text is empty: give --body or something on the standard input")
	}
	return string(b), nil
}
