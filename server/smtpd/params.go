package smtpd

import (
	"errors"
	"strconv"
	"strings"

	"glassmail/mail"
)

// Longest values of RFC 3461 §4.2 and §4.4, in bytes as sent.
const (
	maxORcpt = 500
	maxEnvID = 100
)

// param is one ESMTP parameter (RFC 5321 §4.1.2).
type param struct{ key, value string }

// params splits what follows a path. A parameter may not come twice.
func params(s string) ([]param, *mail.Reply) {
	var ps []param
	for _, word := range strings.Fields(s) {
		key, value, _ := strings.Cut(word, "=")
		p := param{strings.ToUpper(key), value}
		for _, q := range ps {
			if q.key == p.key {
				return nil, badParam("%s stands there twice", p.key)
			}
		}
		ps = append(ps, p)
	}
	return ps, nil
}

func badParam(format string, args ...any) *mail.Reply {
	return mail.NewReply(501, mail.Enhanced{5, 5, 4}, format, args...)
}

// notOffered refuses a parameter that EHLO did not list (RFC 5321 §4.1.1.11).
func notOffered(p param) *mail.Reply {
	if !isWord(strings.ReplaceAll(p.key, "-", "")) {
		return mail.NewReply(555, mail.Enhanced{5, 5, 4}, "There is a parameter that is not offered here")
	}
	return mail.NewReply(555, mail.Enhanced{5, 5, 4}, "The parameter %s is not offered here", p.key)
}

// mailParams reads the parameters of MAIL into env. They are understood after
// HELO too: a client that sends them knows what they mean.
func (c *conn) mailParams(env *mail.Envelope, s string) *mail.Reply {
	ps, fault := params(s)
	for i := 0; i < len(ps) && fault == nil; i++ {
		switch p := ps[i]; p.key {
		case "SIZE":
			env.Size, fault = c.size(p.value)
		case "BODY":
			env.Body, fault = body(p.value)
		case "SMTPUTF8":
			env.UTF8 = true
			if p.value != "" {
				fault = badParam("SMTPUTF8 takes no value") // RFC 6531 §3.4
			}
		case "RET":
			env.Return, fault = ret(p.value)
		case "ENVID":
			env.EnvID, fault = envID(p.value)
		case "AUTH": // RFC 4954 §5: taken and not trusted
		case "REQUIRETLS":
			env.RequireTLS = true
			if c.peer.TLS == "" {
				fault = notOffered(p) // RFC 8689 §4.1: only inside TLS
			}
		default:
			fault = notOffered(p)
		}
	}
	return fault
}

// size reads SIZE (RFC 1870 §6.1): up to 20 digits, above the limit 552.
func (c *conn) size(s string) (int64, *mail.Reply) {
	n, err := strconv.ParseUint(s, 10, 64)
	var ne *strconv.NumError
	digits := s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
	switch {
	case digits && (errors.As(err, &ne) || n > uint64(c.srv.opts.MaxSize)):
		return 0, tooLarge(c.srv.opts.MaxSize)
	case !digits:
		return 0, badParam("SIZE is a number of bytes, as in SIZE=1000")
	}
	return int64(n), nil
}

// tooLarge refuses for good (RFC 1870 §6.1): the message will not shrink.
func tooLarge(limit int64) *mail.Reply {
	return mail.NewReply(552, mail.Enhanced{5, 3, 4}, "The message is larger than %d bytes, the limit of this server", limit)
}

// body reads BODY (RFC 6152 §2). BINARYMIME is not offered: IMAP readers and most
// next servers could not be given such a message.
func body(s string) (mail.Body, *mail.Reply) {
	switch b := mail.Body(strings.ToUpper(s)); b {
	case mail.Body7Bit, mail.Body8Bit:
		return b, nil
	case mail.BodyBinary:
		return "", mail.NewReply(504, mail.Enhanced{5, 5, 4}, "BODY=BINARYMIME is not offered here")
	}
	return "", badParam("BODY is 7BIT or 8BITMIME")
}

// ret reads RET (RFC 3461 §4.3).
func ret(s string) (string, *mail.Reply) {
	switch s = strings.ToUpper(s); s {
	case mail.ReturnFull, mail.ReturnHdrs:
		return s, nil
	}
	return "", badParam("RET is FULL or HDRS")
}

// envID reads ENVID (RFC 3461 §4.4).
func envID(s string) (string, *mail.Reply) {
	id, ok := decodeXtext(s)
	if !ok || id == "" || len(s) > maxEnvID || !isPrintable(id, false) {
		return "", badParam("ENVID is up to %d printable characters in xtext", maxEnvID)
	}
	return id, nil
}

// rcptParams reads the parameters of RCPT into r.
func rcptParams(r *mail.Recipient, s string, utf8ok bool) *mail.Reply {
	ps, fault := params(s)
	for i := 0; i < len(ps) && fault == nil; i++ {
		switch p := ps[i]; p.key {
		case "NOTIFY":
			r.Notify, fault = notify(p.value)
		case "ORCPT":
			r.ORcpt, fault = orcpt(p.value, utf8ok)
		default:
			fault = notOffered(p)
		}
	}
	return fault
}

// notify reads NOTIFY (RFC 3461 §4.1): NEVER stands alone.
func notify(s string) ([]string, *mail.Reply) {
	var list []string
	for w := range strings.SplitSeq(strings.ToUpper(s), ",") {
		known := w == "SUCCESS" || w == "FAILURE" || w == "DELAY" || w == mail.NotifyNever
		for _, seen := range list {
			known = known && seen != w && seen != mail.NotifyNever && w != mail.NotifyNever
		}
		if !known {
			return nil, badParam("NOTIFY is NEVER, or a list of SUCCESS, FAILURE and DELAY")
		}
		list = append(list, w)
	}
	return list, nil
}

// orcpt reads ORCPT (RFC 3461 §4.2; RFC 6533 §3 for addresses in UTF-8, of which
// the form without escapes is taken).
func orcpt(s string, utf8ok bool) (string, *mail.Reply) {
	kind, addr, found := strings.Cut(s, ";")
	addr, ok := decodeXtext(addr)
	if !found || !ok || kind == "" || addr == "" || len(s) > maxORcpt ||
		!isPrintable(kind, false) || !isPrintable(addr, utf8ok) {
		return "", badParam("ORCPT is type;address in xtext, as in ORCPT=rfc822;bob@hamburger.edu")
	}
	return kind + ";" + addr, nil
}

// decodeXtext undoes xtext (RFC 3461 §4): +XX is the byte XX in upper case hex.
func decodeXtext(s string) (string, bool) {
	if !strings.Contains(s, "+") {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '+' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		hex := s[i+1 : i+3]
		n, err := strconv.ParseUint(hex, 16, 8)
		if err != nil || strings.ToUpper(hex) != hex {
			return "", false
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), true
}

// isPrintable reports a string that a delivery report can hold in one line.
func isPrintable(s string, utf8ok bool) bool {
	for _, r := range s {
		if r < ' ' || r == 0x7f || r >= 0x80 && !utf8ok || r == 0xfffd {
			return false
		}
	}
	return true
}
