package lab

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"mime"
	"slices"
	"strconv"
	"strings"

	"glassmail/dns"
	"glassmail/intercept"
	"glassmail/trace"
	"glassmail/web/api"
)

// change makes a fact different and returns what makes it as before.
func (l *Lab) change(d trace.Detail, c api.Change) (restore func(), err error) {
	domain := domainOf(d.To[0])
	rule := intercept.Rule{Node: cmp.Or(c.Node, domain), Proto: trace.SMTP, Dir: "C", Action: intercept.FaultReply, Text: c.Text, Command: c.Command}
	switch c.Kind {
	case api.ChangeMXDown:
		return l.takeDown(cmp.Or(c.Host, "mail."+domain))
	case api.ChangeTTL:
		return l.setTTL(domain, c.Seconds)
	case api.ChangeReply:
		if c.Command == "" {
			return nil, errors.New("a reply needs the command that it answers, such as RCPT, or . for the end of the text")
		}
		return l.withFault(rule)
	case api.ChangeStartTLSOff:
		rule.Command, rule.Text = "STARTTLS", "454 4.7.0 TLS is not available here"
		restore, err := l.withFault(rule)
		if err != nil {
			return nil, err
		}
		return func() {
			restore()
			l.forgetConnections(context.Background()) // that in plain text is none for the next message
		}, nil
	case api.ChangeHeader, api.ChangeSubject:
		return func() {}, nil
	}
	return nil, fmt.Errorf("the change %q is not known: there are %s, %s, %s, %s, %s and %s", c.Kind, api.ChangeMXDown, api.ChangeTTL, api.ChangeReply, api.ChangeHeader, api.ChangeSubject, api.ChangeStartTLSOff)
}

func (l *Lab) withFault(f intercept.Rule) (restore func(), err error) {
	if !slices.ContainsFunc(demoUsers(), func(p person) bool { return strings.EqualFold(p.domain, f.Node) }) {
		return nil, fmt.Errorf("the lab has no mail server %s", f.Node)
	}
	f, err = l.Hold.AddFault(f)
	if err != nil {
		return nil, err
	}
	return func() { l.Hold.RemoveFault(f.ID) }, nil
}

func (l *Lab) takeDown(host string) (restore func(), err error) {
	if err := l.Internet.SetDown(host, true); err != nil {
		return nil, err
	}
	return func() { l.Internet.SetDown(host, false) }, nil
}

// forgetNames makes the local name server and the mail servers ask anew for what is
// at and below a name; "" is all.
func (l *Lab) forgetNames(name string) error {
	if _, err := l.Names.flush(name); err != nil {
		return err
	}
	for _, s := range l.stubs {
		s.Cache().FlushName(cmp.Or(name, "."))
	}
	return nil
}

// setTTL gives the MX records of a domain another life, and lets everybody ask anew,
// before and after.
func (l *Lab) setTTL(domain string, seconds int) (restore func(), err error) {
	if seconds < 0 || seconds > 7*24*3600 {
		return nil, fmt.Errorf("a TTL of %d seconds cannot be: it is 0 to 604800, a week", seconds)
	}
	name, err := dns.Name(domain)
	if err != nil {
		return nil, err
	}
	z, err := l.Names.zone(domain)
	if err != nil {
		return nil, err
	}
	var was, now []string
	for _, r := range z.Unsigned() {
		if f := strings.Fields(r.String()); len(f) > 4 && strings.EqualFold(f[0], name) && f[3] == "MX" {
			was = append(was, strings.Join(f, " "))
			f[1] = strconv.Itoa(seconds)
			now = append(now, strings.Join(f, " "))
		}
	}
	if len(was) == 0 {
		return nil, fmt.Errorf("the domain %s has no MX record", domain)
	}
	set := func(records []string) error {
		_, err := l.Names.Edit(ZoneEdit{Zone: domain, Way: SetRecords, Records: records})
		return errors.Join(err, l.forgetNames(name))
	}
	if err := set(now); err != nil {
		return nil, err
	}
	return func() { set(was) }, nil
}

// edit changes the text of a message, if it is the text that changes.
func edit(c api.Change, text []byte) ([]byte, error) {
	name, value := c.Name, c.Text
	switch c.Kind {
	case api.ChangeSubject:
		name, value = "Subject", mime.BEncoding.Encode("utf-8", c.Text)
	case api.ChangeHeader:
	default:
		return text, nil
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) {
		return nil, fmt.Errorf("%q is no name of a header field (RFC 5322 §2.2)", name)
	}
	if len(value) > 900 || strings.ContainsAny(c.Text, "\r\n\x00") {
		return nil, errors.New("a header field holds one line of at most 900 bytes here")
	}
	text = without(text, name)
	if value == "" {
		return text, nil
	}
	value = " " + value
	if strings.Contains(value, "?= =?") { // RFC 2047 §2: lines of at most 76
		value = "\r\n" + strings.ReplaceAll(value, "?= =?", "?=\r\n =?")
	}
	return append([]byte(name+":"+value+"\r\n"), text...), nil
}

// without removes all fields with a name from a header, with the lines that
// continue them.
func without(text []byte, name string) []byte {
	out := make([]byte, 0, len(text))
	drop := false
	for len(text) > 0 {
		n := bytes.IndexByte(text, '\n') + 1
		if n == 0 {
			n = len(text)
		}
		line := text[:n]
		if len(bytes.TrimRight(line, "\r\n")) == 0 { // the header ends
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			field, _, found := bytes.Cut(line, []byte(":"))
			drop = found && strings.EqualFold(string(bytes.TrimRight(field, " \t")), name)
		}
		if !drop {
			out = append(out, line...)
		}
		text = text[n:]
	}
	return append(out, text...)
}
