package smtpd

import "strings"

// Wording is the text of the replies that mean success, without code and
// enhanced code. In it {host} is the server's name, {client} what the client
// calls itself, {from} the reverse-path and {to} the forward-path (without
// brackets, the null path as <>), and {id} the accepted message's name.
type Wording struct {
	Greeting      string // 220 when a client connects
	Helo          string // 250 to HELO
	Ehlo          string // first line to EHLO; must begin with {host} (RFC 5321 §4.1.1.1)
	Sender        string // 250 to MAIL
	Recipient     string // 250 to RCPT
	Data          string // 354 to DATA
	Accepted      string // 250 to the end of a message
	Reset         string // 250 to RSET
	Bye           string // 221 to QUIT
	Authenticated string // 235 to AUTH
}

// Lecture is the wording of the sample interaction in the lecture.
func Lecture() Wording {
	return Wording{
		Greeting:      "{host}",
		Helo:          "Hello {client}, pleased to meet you",
		Ehlo:          "{host} Hello {client}, pleased to meet you",
		Sender:        "{from}... Sender ok",
		Recipient:     "{to} ... Recipient ok",
		Data:          `Enter mail, end with "." on a line by itself`,
		Accepted:      "Message accepted for delivery",
		Reset:         "Reset state",
		Bye:           "{host} closing connection",
		Authenticated: "You are logged in",
	}
}

// Plain is the usual wording of mail servers.
func Plain() Wording {
	return Wording{
		Greeting:      "{host} ESMTP glassmail",
		Helo:          "{host}",
		Ehlo:          "{host}",
		Sender:        "Ok",
		Recipient:     "Ok",
		Data:          "End data with <CR><LF>.<CR><LF>",
		Accepted:      "Ok: accepted as {id}",
		Reset:         "Ok",
		Bye:           "{host} Bye",
		Authenticated: "Authentication successful",
	}
}

// expand fills a wording in for this moment of the conversation.
func (c *conn) expand(wording string) string {
	if strings.IndexByte(wording, '{') < 0 {
		return wording
	}
	var b strings.Builder
	for wording != "" {
		before, rest, found := strings.Cut(wording, "{")
		b.WriteString(before)
		if !found {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		b.WriteString(c.value(name))
		wording = after
	}
	return b.String()
}

func (c *conn) value(name string) string {
	switch name {
	case "host":
		return c.srv.opts.Name
	case "client":
		return c.peer.Helo
	case "from":
		if c.env == nil || c.env.From.IsNull() {
			return "<>"
		}
		return c.env.From.String()
	case "to":
		return c.rcpt.String()
	case "id":
		return c.accepted
	}
	return ""
}
