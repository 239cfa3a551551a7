package trace_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"glassmail/lab"
	"glassmail/trace"
)

// startLab runs the lecture's internet on free ports.
func startLab(t *testing.T) *lab.Lab {
	t.Helper()
	l, err := lab.New(t.Context(), lab.Options{Dir: t.TempDir(), Wording: "lecture"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done, ready := make(chan error, 1), make(chan struct{})
	go func() { done <- l.Run(ctx, func() { close(ready) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	return l
}

// talk says lines to addr, each after the reply to the one before: one line that
// begins with until, for each.
func talk(t *testing.T, addr string, turns ...[2]string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(c)
	var all strings.Builder
	for _, turn := range turns {
		fmt.Fprint(c, turn[0])
		for {
			line, err := in.ReadString('\n')
			all.WriteString(line)
			if err != nil {
				t.Fatalf("after %q: %v in\n%s", turn[0], err, all.String())
			}
			if strings.HasPrefix(line, turn[1]) {
				break
			}
		}
	}
	return all.String()
}

// send hands over the lecture's message.
func send(t *testing.T, addr, to string) {
	t.Helper()
	talk(t, addr, [2]string{"", "220"}, [2]string{"HELO crepes.fr\r\n", "250"}, [2]string{"MAIL FROM:<alice@crepes.fr>\r\n", "250"},
		[2]string{"RCPT TO:<" + to + ">\r\n", "250"}, [2]string{"DATA\r\n", "354"},
		[2]string{"Subject: =?utf-8?q?ketchup=3F?=\r\n\r\nDo you like ketchup?\r\n.\r\n", "250"}, [2]string{"QUIT\r\n", "221"})
}

// until waits for the newest journey to reach a state.
func until(t *testing.T, j *trace.Journeys, s trace.State) trace.Detail {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		changed := j.Changed()
		list, _ := j.List(trace.Query{Limit: 1})
		if len(list) == 1 && list[0].State == s {
			d, _ := j.Get(list[0].ID)
			return d
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("the journey is not %q: %+v", s, list)
		}
	}
}

func follow(t *testing.T, l *trace.Log) *trace.Journeys {
	j := trace.NewJourneys(l, 16<<20)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		j.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return j
}

// One message, from alice's client to bob's: everything that it caused is in one
// journey, across both nodes and all name servers.
func TestJourneyThroughTheLab(t *testing.T) {
	l := startLab(t)
	j := follow(t, l.Trace)
	nodes := l.Ready.Nodes
	send(t, nodes["crepes.fr"].SMTP, "bob@hamburger.edu")
	until(t, j, trace.StateDelivered)
	talk(t, nodes["hamburger.edu"].IMAP, [2]string{"", "* OK"}, [2]string{"a LOGIN bob bob\r\n", "a OK"},
		[2]string{"b SELECT INBOX\r\n", "b OK"}, [2]string{"c NOOP\r\n", "c OK"}, [2]string{"d FETCH 1 BODY[]\r\n", "d OK"},
		[2]string{"e NOOP\r\n", "e OK"}, [2]string{"f LOGOUT\r\n", "f OK"})
	d := until(t, j, trace.StateRead)

	if d.From != "alice@crepes.fr" || strings.Join(d.To, " ") != "bob@hamburger.edu" || d.Subject != "ketchup?" || d.Truncated {
		t.Errorf("the summary is %+v", d.Journey)
	}
	var route []string
	for _, h := range d.Route {
		route = append(route, string(h.Kind)+"@"+h.Node+"+"+h.Peer)
	}
	want := "submission@crepes.fr+ queue@crepes.fr+ lookup@crepes.fr+ relay@crepes.fr+hamburger.edu delivery@hamburger.edu+ reading@hamburger.edu+"
	if got := strings.Join(route, " "); got != want {
		t.Errorf("the route is %s\nwant         %s", got, want)
	}
	checkSteps(t, d)
	roles := map[string]trace.Role{}
	for _, h := range d.Hosts {
		roles[h.Name] = h.Role
	}
	for name, role := range map[string]trace.Role{"alice@crepes.fr": trace.UserAgent, "bob@hamburger.edu": trace.UserAgent,
		"crepes.fr": trace.MailServer, "hamburger.edu": trace.MailServer} {
		if roles[name] != role {
			t.Errorf("%s has the role %q, want %q, of %v", name, roles[name], role, d.Hosts)
		}
	}
	count := map[trace.Role]int{}
	for _, r := range roles {
		count[r]++
	}
	if count[trace.LocalNameServer] != 1 || count[trace.NameServer] < 3 {
		t.Errorf("the name servers are %v; want one local one, and root, edu and hamburger.edu", d.Hosts)
	}
	checkShared(t, j, d)
}

// checkSteps looks for what must be in the journey once, and at the right hop.
func checkSteps(t *testing.T, d trace.Detail) {
	t.Helper()
	once := map[string]int{
		"C: HELO crepes.fr": 1, "C: Do you like ketchup?": 1, "C: d FETCH 1 BODY[]": 1, "C: b SELECT INBOX": 1,
		"C: e NOOP": 0, "C: f LOGOUT": 0, "S: 221 crepes.fr closing connection": 1,
	}
	got := map[string]int{}
	mirrored, referrals, text := 0, 0, ""
	for _, s := range d.Steps {
		if s.Hop < 1 || s.Hop > len(d.Route) || s.Journey != d.ID {
			t.Errorf("%v is at hop %d", s.Event, s.Hop)
		}
		if s.Mirror {
			mirrored++
			continue
		}
		got[s.String()]++
		if s.Kind == trace.Referral {
			referrals++
		}
		if s.Kind == trace.Data && s.Dir == trace.Server {
			text += string(s.Bytes)
		}
	}
	if !strings.Contains(text, "Do you like ketchup?\r\n") {
		t.Errorf("the text that the reader got is %q", text)
	}
	if mirrored < 10 || referrals < 2 {
		t.Errorf("%d events seen at both ends, %d referrals", mirrored, referrals)
	}
	for line, n := range once {
		if got[line] != n {
			t.Errorf("%q is there %d times, want %d", line, got[line], n)
		}
	}
}

// checkShared exports the journey, reads it back, and compares.
func checkShared(t *testing.T, j *trace.Journeys, d trace.Detail) {
	t.Helper()
	var file bytes.Buffer
	if ok, err := j.Export(&file, d.ID, time.Unix(0, 0)); !ok || err != nil {
		t.Fatalf("export: %v, %v", ok, err)
	}
	h, events, err := trace.ReadShare(&file)
	if err != nil || len(h.Journeys) != 1 || h.Journeys[0].Subject != d.Subject {
		t.Fatalf("import: %v, %+v", err, h)
	}
	if len(events) != len(d.Steps) {
		t.Fatalf("%d events of %d", len(events), len(d.Steps))
	}
	for i, e := range events {
		if was := d.Steps[i]; e.Mirror != was.Mirror || e.String() != was.String() || e.Phase != was.Phase || (e.Peer == nil) != (was.Peer == nil) || e.Peer != nil && *e.Peer != *was.Peer {
			t.Errorf("step %d was %+v, became %+v", i, was, e)
			break
		}
	}
}

// A message that cannot be delivered ends in a report, which is part of its
// journey.
func TestJourneyOfABounce(t *testing.T) {
	l := startLab(t)
	j := follow(t, l.Trace)
	send(t, l.Ready.Nodes["crepes.fr"].SMTP, "nobody@hamburger.edu")
	d := until(t, j, trace.StateBounced)
	bounced := func() bool {
		d, _ = j.Get(d.ID)
		return slices.ContainsFunc(d.Steps, func(s trace.Step) bool { return s.Kind == trace.Bounced })
	}
	for changed := j.Changed(); !bounced(); changed = j.Changed() {
		<-changed
	}
	kinds := map[trace.Kind]int{}
	for _, s := range d.Steps {
		kinds[s.Kind]++
	}
	if kinds[trace.Accepted] != 2 || kinds[trace.Failed] != 1 || kinds[trace.Delivered] != 1 {
		t.Errorf("the decisions are %v; want the message and the report accepted, one recipient given up, the report delivered", kinds)
	}
}
