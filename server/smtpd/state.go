package smtpd

// state is where a session stands (RFC 5321 §4.1.4).
type state int

const (
	connected state = iota // nothing said yet
	greeted                // HELO or EHLO was said
	sender                 // MAIL was accepted
	recipient              // so was a RCPT
)

// String names the state as the trace shows it.
func (s state) String() string {
	return [...]string{"connected", "greeted", "sender", "recipients"}[s]
}
