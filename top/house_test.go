package top

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"go.uber.org/goleak"

	"glassmail/catalogue"
	"glassmail/trace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when everything in these tests begins.
func noon() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }

// diary writes a trace, a thousandth of a second after the other.
type diary struct {
	log *trace.Log
	now time.Time
}

func newDiary() *diary {
	d := &diary{now: noon()}
	d.log = trace.NewLog(1000, func() time.Time {
		d.now = d.now.Add(time.Millisecond)
		return d.now
	})
	return d
}

// say writes lines, each as it begins: "C: …", "S: …".
func say(journey string, lines string, ends ...*trace.Conn) {
	for line := range strings.Lines(lines) {
		line = strings.TrimSuffix(line, "\n")
		for _, c := range ends {
			c.Journey(journey)
			c.Line(trace.Dir(line[0]), line[3:])
		}
	}
}

// host is one end of a datagram.
type host struct{ name, at string }

// ask writes a query and its answer, as both ends see them, with what the server
// asks others meanwhile.
func (d *diary) ask(id uint16, cause uint64, journey string, client, server host, question, answer string, meanwhile func(cause uint64)) {
	message := func(dir trace.Dir, text string, flags, answers byte) (seen uint64) {
		b := append(binary.BigEndian.AppendUint16(nil, id), flags, 0, 0, 1, 0, answers, 0, 0, 0, 0)
		e := trace.Event{Proto: trace.DNS, Kind: trace.Datagram, Dir: dir, Text: text, Bytes: b}
		near, far := e, e
		near.Node, near.Local, near.Remote, near.Side, near.Journey, near.Cause = client.name, client.at, server.at, trace.Client, journey, cause
		far.Node, far.Local, far.Remote, far.Side = server.name, server.at, client.at, trace.Server
		if dir == trace.Server {
			near, far = far, near
		}
		d.log.Add(near)
		return d.log.Add(far)
	}
	meanwhile(message(trace.Client, question, 1, 0))
	message(trace.Server, answer, 0x84, 1)
}

// lecture is the message of the lecture on its way from Alice to Bob.
func lecture() *diary {
	d := newDiary()
	d.log.Listens("crepes.fr", trace.MailServer, "198.51.100.25:25")
	d.log.Listens("hamburger.edu", trace.MailServer, "203.0.113.25:25")
	d.log.Listens("dns.nyu.edu", trace.LocalNameServer, "198.18.3.53:53")
	d.log.Listens("dns1.hamburger.edu", trace.NameServer, "203.0.113.53:53")
	in := d.log.Open("crepes.fr", trace.SMTP, "127.0.0.1:2587", "127.0.0.1:40001")
	say("", "S: 220 crepes.fr\nC: EHLO ua\nS: 250-crepes.fr Hello\nS: 250-8BITMIME\nS: 250 SIZE 1000\n", in)
	in.Peer("alice@crepes.fr", trace.UserAgent)
	say("m1", "C: MAIL FROM:<alice@crepes.fr>\nS: 250 Sender ok\nC: RCPT TO:<bob@hamburger.edu>\nS: 250 Recipient ok\nC: DATA\nS: 354 Enter mail\n", in)
	say("m1", "C: Subject: ketchup\nC: \nC: Do you like ketchup?\nC: How about pickles?\nC: .\n", in)
	in.Event(trace.Event{Kind: trace.Accepted, Dir: trace.Self, Proto: trace.Store, Text: "accepted m1", Message: &trace.Message{
		From: "alice@crepes.fr", To: []string{"bob@hamburger.edu"}, Subject: "น้ำจิ้ม: do you like ketchup?",
	}})
	say("m1", "S: 250 Message accepted for delivery\n", in)
	in.Close("the client said QUIT")
	d.log.Add(trace.Event{Node: "crepes.fr", Proto: trace.Queue, Kind: trace.Queued, Dir: trace.Self, Journey: "m1", Text: "queued for hamburger.edu"})
	d.log.Add(trace.Event{Node: "crepes.fr", Proto: trace.Queue, Kind: trace.Attempt, Dir: trace.Self, Journey: "m1", Text: "attempt to deliver to hamburger.edu"})
	const question, answer = "Q hamburger.edu. MX", "A hamburger.edu. MX 10 mail.hamburger.edu."
	local := host{"dns.nyu.edu", "198.18.3.53:53"}
	d.ask(7, 0, "m1", host{"crepes.fr", "198.51.100.25:5001"}, local, question, answer, func(cause uint64) {
		d.ask(8, cause, "", host{local.name, "198.18.3.53:5002"}, host{"dns1.hamburger.edu", "203.0.113.53:53"}, question, answer, func(uint64) {})
	})
	d.log.Add(trace.Event{Node: "crepes.fr", Proto: trace.Queue, Kind: trace.MXChosen, Dir: trace.Self, Journey: "m1", Text: "mail for hamburger.edu goes to mail.hamburger.edu"})
	out := d.log.Dialled("crepes.fr", trace.SMTP, "198.51.100.25:6001", "203.0.113.25:25", "mail.hamburger.edu")
	far := d.log.Open("hamburger.edu", trace.SMTP, "203.0.113.25:25", "198.51.100.25:6001")
	say("m1", "S: 220 hamburger.edu\nC: HELO crepes.fr\nS: 250 Hello\n", out)
	out.Secure(true)
	far.Secure(true)
	say("m1", "C: MAIL FROM:<alice@crepes.fr>\nS: 250 Sender ok\nC: QUIT\nS: 221 closing\n", out, far)
	return d
}

// api answers as a lab does.
type api struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string]any // by path
	asked   []string       // changes, with their bodies
	ended   chan struct{}  // streams end when it is closed
	again   bool           // its last event is one for those too who have seen more
	events  []trace.Event
}

func newAPI(t *testing.T) *api {
	d := lecture()
	journeys := trace.NewJourneys(d.log, 1<<20)
	list, _ := journeys.List(trace.Query{Limit: 10})
	detail, ok := journeys.Get("m1")
	if !ok || len(list) != 1 {
		t.Fatal("the lecture makes no journey")
	}
	a := &api{ended: make(chan struct{}), events: d.log.Since(0)}
	a.answers = map[string]any{
		"/node": map[string]any{"lab": true, "nodes": []any{map[string]any{"name": "crepes.fr"}, map[string]any{"name": "hamburger.edu"}},
			"features": map[string]bool{"journeys": true, "hold": true, "clock": true, "whatif": true}},
		"/journeys":           map[string]any{"items": list},
		"/journeys/m1":        detail,
		"/journeys/m1.pcapng": "packets",
		"/hold":               map[string]any{"paused": false},
		"/clock":              map[string]any{"now": noon().Add(time.Hour)},
		"/hold/pause":         map[string]any{},
		"/hold/resume":        map[string]any{},
		"/hold/step":          map[string]any{},
		"/hold/speed":         map[string]any{},
		"/queue/q1~x/retry":   map[string]any{},
		"/queue/q1~x/hold":    map[string]any{},
		"/queue/q2~x/release": map[string]any{},
		"/dns/cache":          map[string]any{"result": []cached{{Name: "edu.", Type: "NS", Data: []string{"a.edu."}, From: "192.0.2.1:53", Zone: ".", Left: 90 * time.Second, Verdict: "secure"}, {Name: "old.", Type: "A", Left: -1}}},
		"/sessions/9":         map[string]any{},
		"/sessions":           map[string]any{"items": []session{{Node: "crepes.fr", Conn: 9, Proto: trace.SMTP, Side: trace.Client, Local: "a:1", Remote: "b:25", Secure: true, Since: noon().Add(time.Hour - 5*time.Second), Lines: 3, Text: "250 ok"}}},
		"/queue":              map[string]any{"items": []waiting{{ID: "q1~x", Node: "crepes.fr", Journey: "m1", From: "alice@crepes.fr", To: "bob@hamburger.edu", Due: noon().Add(time.Hour + time.Minute), Attempts: 2, Reply: "451 later", Host: "mail.hamburger.edu"}, {ID: "q2~x", Node: "crepes.fr", To: "carol@hamburger.edu", Held: true}}},
	}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(func() {
		a.CloseClientConnections()
		a.Close()
	})
	return a
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/api/v1")
	if path == "/events" {
		a.stream(w, r)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Method != http.MethodGet {
		body := new(strings.Builder)
		var v any
		if json.NewDecoder(r.Body).Decode(&v) == nil {
			json.NewEncoder(body).Encode(v)
		}
		a.asked = append(a.asked, strings.TrimSpace(r.Method+" "+path+" "+body.String()))
	}
	v, ok := a.answers[path]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		v = map[string]string{"error": "there is no " + path}
	}
	if f, ok := v.(*refusal); ok {
		w.WriteHeader(f.status)
		v = map[string]string{"error": f.text}
	}
	json.NewEncoder(w).Encode(v)
}

// stream sends the events that the caller has not seen, and ends with ended.
func (a *api) stream(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	events, ended, again := a.events, a.ended, a.again
	a.mu.Unlock()
	w.WriteHeader(http.StatusOK)
	since := r.URL.Query().Get("since")
	for i, e := range events {
		if since == "0" || again && i == len(events)-1 {
			b, _ := json.Marshal(e)
			w.Write([]byte("id: 1\ndata: " + string(b) + "\n\n"))
		}
	}
	w.(http.Flusher).Flush()
	select {
	case <-ended:
	case <-r.Context().Done():
	}
}

func (a *api) answer(path string, v any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers[path] = v
}

func (a *api) changes() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.asked, "\n")
}

func (a *api) client() *Client {
	return &Client{Find: func() (string, string, error) { return a.URL, "", nil }, retry: time.Millisecond}
}

// screen is a model with a reader who types.
type screen struct {
	t *testing.T
	*model
	api *api
	now time.Time
}

func newScreen(t *testing.T, lang string) *screen {
	texts, err := catalogue.New()
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, api: newAPI(t), now: noon()}
	s.model = newModel(context.Background(), Options{
		Client: s.api.client(), Texts: texts, Lang: lang, Colour: true, Dir: t.TempDir(), Now: func() time.Time { return s.now },
	})
	s.settle(s.refresh())
	return s
}

// settle runs a command and what follows from it, but for what only waits: that
// is taken as over.
func (s *screen) settle(cmd tea.Cmd) {
	s.t.Helper()
	for range 10 {
		if cmd == nil {
			return
		}
		msg := cmd()
		if _, ok := msg.(tea.QuitMsg); ok {
			return
		}
		_, next := s.Update(msg)
		switch msg.(type) {
		case read, lost:
			_, next = s.Update(rested{})
		}
		cmd = next
	}
	s.t.Fatal("the model never rests")
}

// tell makes the model know of something.
func (s *screen) tell(msg tea.Msg) {
	s.t.Helper()
	_, cmd := s.Update(msg)
	s.settle(cmd)
}

// press types keys, by their names in bubbletea or as they are.
func (s *screen) press(keys ...string) {
	s.t.Helper()
	special := map[string]tea.KeyType{
		"enter": tea.KeyEnter, "esc": tea.KeyEsc, "up": tea.KeyUp, "down": tea.KeyDown, "right": tea.KeyRight, "tab": tea.KeyTab,
		"shift+tab": tea.KeyShiftTab, "backspace": tea.KeyBackspace, "home": tea.KeyHome, "end": tea.KeyEnd, " ": tea.KeySpace, "ctrl+c": tea.KeyCtrlC,
	}
	for _, k := range keys {
		msg := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(k)}
		if t, ok := special[k]; ok {
			msg = tea.KeyMsg{Type: t}
			if k == " " {
				msg.Runes = []rune{' '}
			}
		}
		_, cmd := s.Update(msg)
		s.settle(cmd)
	}
}

// shows is the screen without what marks text.
func (s *screen) shows() string { return bare(s.View()) }

// bare is a text without SGR sequences.
func bare(s string) string {
	var out strings.Builder
	for {
		before, after, ok := strings.Cut(s, "\x1b[")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		_, s, _ = strings.Cut(after, "m")
	}
}

// want expects texts on the screen.
func (s *screen) want(texts ...string) {
	s.t.Helper()
	got := s.shows()
	for _, text := range texts {
		if !strings.Contains(got, text) {
			s.t.Errorf("the screen lacks %q:\n%s", text, got)
		}
	}
}

// wantNot expects that texts are not there.
func (s *screen) wantNot(texts ...string) {
	s.t.Helper()
	got := s.shows()
	for _, text := range texts {
		if strings.Contains(got, text) {
			s.t.Errorf("the screen shows %q:\n%s", text, got)
		}
	}
}
