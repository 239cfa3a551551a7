package api

import (
	"context"
	"slices"
	"strings"

	"glassmail/mailbox"
)

// maxThreaded is how many of a folder's newest messages are put into threads.
const maxThreaded = 1000

// thread is the messages that belong together, as seen from the newest.
type thread struct {
	Count  int           `json:"count"`
	Unseen int           `json:"unseen"`
	UIDs   []mailbox.UID `json:"uids"` // the eldest first
}

// threads lists conversations, the one with the newest message first, each by
// that message. Of large folders the newest maxThreaded messages are looked at.
func (a *API) threads(c *Call, r reader, f mailbox.Folder, all []mailbox.Message, match *mailbox.Matcher, p page) error {
	newest := slices.Clone(all[max(0, len(all)-maxThreaded):])
	slices.Reverse(newest)
	if match != nil {
		var err error
		if newest, err = a.search(c.Context(), r, newest, match, maxThreaded); err != nil {
			return err
		}
	}
	groups, err := a.group(c.Context(), r, newest)
	if err != nil {
		return err
	}
	total := len(groups)
	out := listed{Folder: f}
	out.Total, out.Next = &total, p.next(p.offset+p.limit < total)
	out.Items = []item{}
	for _, g := range cut(groups, p) {
		one, err := a.summaries.item(c.Context(), r, g[0])
		if err != nil {
			return err
		}
		one.Thread = threadOf(g)
		out.Items = append(out.Items, one)
	}
	return c.JSON(out)
}

func threadOf(newestFirst []mailbox.Message) *thread {
	t := &thread{Count: len(newestFirst)}
	for _, m := range slices.Backward(newestFirst) {
		t.UIDs = append(t.UIDs, m.UID)
		if m.Flags&mailbox.Seen == 0 {
			t.Unseen++
		}
	}
	return t
}

// group puts messages that name one another together, and answers that name
// nobody with the message of their subject. Groups and their messages keep the
// order of the list.
func (a *API) group(ctx context.Context, r reader, messages []mailbox.Message) ([][]mailbox.Message, error) {
	joined := union{}
	keys := make([]string, len(messages))
	for i, m := range messages {
		s, err := a.summaries.of(ctx, r, m)
		if err != nil {
			return nil, err
		}
		keys[i] = joined.join(m, s)
	}
	at := map[string]int{}
	var out [][]mailbox.Message
	for i, m := range messages {
		root := joined.root(keys[i])
		n, ok := at[root]
		if !ok {
			n = len(out)
			at[root], out = n, append(out, nil)
		}
		out[n] = append(out[n], m)
	}
	return out, nil
}

// union is sets of message ids and subjects that belong together; each points to
// another of its set, and the last to nothing.
type union map[string]string

func (u union) root(key string) string {
	for u[key] != "" {
		if up := u[u[key]]; up != "" {
			u[key] = up // halves the way for those who come later
		}
		key = u[key]
	}
	return key
}

func (u union) unite(a, b string) {
	if a, b = u.root(a), u.root(b); a != b {
		u[a] = b
	}
}

// join adds a message and returns its key.
func (u union) join(m mailbox.Message, s summary) string {
	key := s.messageID
	if key == "" {
		key = "body " + string(m.Body)
	}
	for _, ref := range s.references {
		u.unite(key, ref)
	}
	if base, answer := baseSubject(s.Subject); base != "" && (answer && len(s.references) == 0 || !answer) {
		subject := "subject " + base
		if answer || len(s.references) == 0 {
			u.subject(key, subject, answer)
		}
	}
	return key
}

// subject joins an answer without references to the message of its subject. Two
// messages that merely have the same subject stay apart.
func (u union) subject(key, subject string, answer bool) {
	if answer {
		u.unite(key, subject)
		return
	}
	if _, taken := u[subject]; !taken {
		u.unite(subject, key)
	}
}

// baseSubject is the subject without the marks of answers (RFC 5256 §2.1), in
// lower case, and whether there were any.
func baseSubject(s string) (base string, answer bool) {
	base = strings.Join(strings.Fields(strings.ToLower(s)), " ")
	for {
		rest, found := base, false
		for _, mark := range []string{"re:", "aw:", "ตอบ:"} {
			if r, ok := strings.CutPrefix(rest, mark); ok {
				rest, found = strings.TrimSpace(r), true
			}
		}
		if !found {
			return base, answer
		}
		base, answer = rest, true
	}
}
