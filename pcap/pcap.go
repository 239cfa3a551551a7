// Package pcap writes the events of a trace as a pcapng file, which Wireshark and
// its kin open: no privilege, driver or real network is needed.
//
// What an event holds is what is in the file: each line and stretch of text is the
// payload of a TCP segment, each DNS message that of a UDP datagram, as it was.
// The rest is made up so that it fits: Ethernet and IP headers, the handshake and
// the end of each TCP connection, sequence numbers, and the ports on which the
// protocols are at home (25, 587, 143, 53), by which dissectors know them. A
// connection that was seen at both of its ends is written once.
//
// What passed inside TLS is written in clear, as a connection of its own that
// begins where TLS began. Text that the trace did not keep is filled, so that
// lengths are true; secrets are masked as they are in the trace. Comments on
// packets say what each line means, and what nodes decided before it.
package pcap

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"time"

	"glassmail/explain"
	"glassmail/trace"
)

// maxRemarks bounds the decisions that are noted at one packet.
const maxRemarks = 32

// Options say how a file is written.
type Options struct {
	Words *explain.Words        // explains in comments; nil: no comments
	Hosts map[netip.Addr]string // names of hosts, beside those that the events tell
}

// Writer writes one file, event by event. It is for one goroutine.
type Writer struct {
	out     *bufio.Writer
	words   *explain.Words
	reader  *explain.Reader
	names   names
	streams streams
	framing map[netip.AddrPort]*stream // queries over TCP, by client
	remarks []string                   // decisions since the last packet
	buf     []byte
	err     error
}

// NewWriter begins a file. The first error of w ends it: every later call returns
// it again.
func NewWriter(w io.Writer, o Options) (*Writer, error) {
	p := &Writer{out: bufio.NewWriter(w), words: o.Words, names: newNames(), streams: newStreams(), framing: map[netip.AddrPort]*stream{}}
	if o.Words != nil {
		p.reader = o.Words.Reader()
	}
	p.section()
	for addr, name := range o.Hosts {
		p.nameHost(addr, name)
	}
	return p, p.Flush()
}

// Write writes events as a whole file.
func Write(w io.Writer, events []trace.Event, o Options) error {
	p, err := NewWriter(w, o)
	if err != nil {
		return err
	}
	for i := range events {
		p.learn(&events[i])
	}
	for i := range events {
		if err := p.Event(events[i]); err != nil {
			return err
		}
	}
	return p.Close()
}

// Event writes what e comes to: nothing, a packet or several. They may stay in
// memory until Flush.
func (p *Writer) Event(e trace.Event) error {
	p.learn(&e)
	switch {
	case p.err != nil:
	case e.Mirror && (e.Kind == trace.Datagram || spoken(e.Kind)): // it is in the file already
	case e.Kind == trace.Gap:
		if p.words != nil {
			p.remark(p.words.Say("pcap.gap", e.Size))
		}
	case e.Kind == trace.Datagram:
		p.message(&e)
	case e.Conn != 0 && (e.Proto == trace.SMTP || e.Proto == trace.IMAP) && spoken(e.Kind):
		p.dialogue(&e)
	case p.words != nil && e.Text != "":
		p.remark(e.Node + ": " + e.Text + "\n" + p.meaning(&e))
	}
	if p.err != nil {
		return fmt.Errorf("write pcapng: %w", p.err)
	}
	return nil
}

// spoken reports the kinds of event that packets carry.
func spoken(k trace.Kind) bool {
	return k == trace.Open || k == trace.Line || k == trace.Data || k == trace.Close
}

// Flush hands what was written to the writer below.
func (p *Writer) Flush() error {
	if p.err == nil {
		p.err = p.out.Flush()
	}
	return p.err
}

// Close ends the connections that are open still, and flushes. It does not close
// the writer below.
func (p *Writer) Close() error {
	p.endAll()
	return p.Flush()
}

// remark keeps words for the next packet.
func (p *Writer) remark(words string) {
	if len(p.remarks) < maxRemarks {
		p.remarks = append(p.remarks, words)
	}
}

// meaning explains e, "" without words.
func (p *Writer) meaning(e *trace.Event) string {
	if p.reader == nil {
		return ""
	}
	n := p.reader.Explain(*e)
	if n.RFC != "" {
		return n.Text + " (" + n.RFC + ")"
	}
	return n.Text
}

// packet writes one packet with its comments. missing is how many bytes of its
// payload are not there.
func (p *Writer) packet(at time.Time, frame []byte, missing int, comment string) {
	comments := p.remarks
	if comment != "" {
		comments = append(comments, comment)
	}
	p.enhanced(at, frame, len(frame)+missing, comments)
	p.remarks = p.remarks[:0]
}
