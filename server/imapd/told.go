package imapd

import (
	"errors"
	"net"

	"github.com/emersion/go-imap/v2"

	"glassmail/mail"
	"glassmail/trace"
	"glassmail/wire"
)

// peer is the client.
func (f *serverConn) peer() mail.Peer {
	return mail.Peer{Addr: wire.AddrPort(f.raw.RemoteAddr()), TLS: f.conn.TLS(), Service: trace.ServiceIMAP, Conn: f.conn.Log.ID()}
}

// toldLogin runs a command that logs in, and tells of a NO to it that the backend,
// which tells of the others, has not been asked for.
func toldLogin(run func(*session, *parser) error) func(*session, *parser) error {
	return func(s *session, p *parser) error {
		s.told = false
		err := run(s, p)
		var no *imap.Error
		if !s.told && errors.As(err, &no) && no.Type == imap.StatusResponseTypeNo {
			peer := s.conn.peer()
			s.conn.conn.Log.Event(trace.Event{Kind: trace.LoginFailed, Dir: trace.Self, Text: "no login: " + no.Text, Decision: &trace.Decision{
				Service: peer.Service, Client: peer.Addr, TLS: peer.TLS, Reply: reason(no),
			}})
		}
		return err
	}
}

// reason is a NO as it is told, without the tag.
func reason(no *imap.Error) string {
	if no.Code == "" {
		return "NO " + no.Text
	}
	return "NO [" + string(no.Code) + "] " + no.Text
}

// tooMany is said to a connection for which there is no room.
const tooMany = "BYE [UNAVAILABLE] Too many connections"

// tellTooMany tells of that.
func (s *Server) tellTooMany(c net.Conn) {
	s.o.Trace.Add(trace.Event{
		Node: s.o.Name, Proto: trace.IMAP, Side: trace.Server, Local: c.LocalAddr().String(), Remote: c.RemoteAddr().String(),
		Kind: trace.Refused, Dir: trace.Self, Text: "refused: " + tooMany, Decision: refusedConn(c, tooMany),
	})
}

func refusedConn(c net.Conn, reply string) *trace.Decision {
	return &trace.Decision{Service: trace.ServiceIMAP, Client: wire.AddrPort(c.RemoteAddr()), Stage: "CONNECT", Reply: reply}
}
