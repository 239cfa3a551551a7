package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/message"
	"glassmail/store"
	"glassmail/store/memory"
	"glassmail/web"
	"glassmail/web/api"
)

// counted is the mailbox of one account in memory that counts what is asked of it.
type counted struct {
	*memory.Store
	calls, listed, bodies atomic.Int64
}

func (c *counted) Mailbox(context.Context, string) (api.Mailbox, error) { return c, nil }
func (c *counted) Accounts(context.Context) ([]string, error) {
	return []string{"alice@crepes.fr"}, nil
}

func (c *counted) Login(_ context.Context, _ netip.Addr, account, _ string) (string, bool, error) {
	return account, true, nil
}

func (c *counted) CredentialVersion(context.Context, string) (string, error) { return "stamp", nil }

func (c *counted) Append(context.Context, mailbox.Delivery, int64, io.Reader) (mailbox.Appended, error) {
	return mailbox.Appended{}, errors.New("not here")
}

func (c *counted) Submit(context.Context, api.Visit, *mail.Envelope, io.Reader) (string, error) {
	return "", errors.New("not here")
}
func (c *counted) Fetched(api.Visit, string) {}
func (c *counted) Limits() (int64, int)      { return 1 << 20, 100 }

func (c *counted) Folders(ctx context.Context, user string) ([]mailbox.Folder, error) {
	c.calls.Add(1)
	return c.Store.Folders(ctx, user)
}

func (c *counted) Folder(ctx context.Context, user, name string) (mailbox.Folder, error) {
	c.calls.Add(1)
	return c.Store.Folder(ctx, user, name)
}

func (c *counted) Since(ctx context.Context, f mailbox.FolderID, m mailbox.ModSeq) (mailbox.Delta, error) {
	c.calls.Add(1)
	return c.Store.Since(ctx, f, m)
}

func (c *counted) Messages(ctx context.Context, f mailbox.FolderID, r mailbox.Range) iter.Seq2[mailbox.Message, error] {
	c.calls.Add(1)
	return func(yield func(mailbox.Message, error) bool) {
		for m, err := range c.Store.Messages(ctx, f, r) {
			c.listed.Add(1)
			if !yield(m, err) {
				return
			}
		}
	}
}

func (c *counted) Body(ctx context.Context, id mail.ContentID) (mail.Message, error) {
	c.bodies.Add(1)
	return c.Store.Body(ctx, id)
}

// deposit puts messages into the INBOX.
func (c *counted) deposit(t *testing.T, messages ...string) {
	t.Helper()
	for _, m := range messages {
		staged, err := c.Stage(t.Context(), int64(len(m)))
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(staged, strings.ReplaceAll(m, "\n", "\r\n"))
		rec, err := message.Scan(staged, staged.Size())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Accept(t.Context(), staged, store.Acceptance{
			Deposits: []mailbox.Delivery{{User: "alice@crepes.fr", Date: time.Now()}}, Record: rec.Marshal(), Wait: true,
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func newCounted(t *testing.T) (*counted, *client) {
	t.Helper()
	box := &counted{Store: memory.New(time.Now)}
	t.Cleanup(func() { box.Close() })
	if err := box.PutAccount(t.Context(), mailbox.Account{Address: "alice@crepes.fr"}, true); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, serve(t, web.Options{API: api.Options{Mail: box}, Accounts: box}), readDescription(t))
	c.login("alice@crepes.fr", "any")
	return box, c
}

// cost is what calls asked of the store.
func (b *counted) cost(do func()) (calls, listed, bodies int64) {
	calls, listed, bodies = b.calls.Load(), b.listed.Load(), b.bodies.Load()
	do()
	return b.calls.Load() - calls, b.listed.Load() - listed, b.bodies.Load() - bodies
}

const many = 10_000

// A page of a long list costs what it shows, wherever it lies in the list, and a
// new message costs one message.
func TestPagesOfALongList(t *testing.T) {
	box, c := newCounted(t)
	all := make([]string, many)
	for i := range all {
		all[i] = fmt.Sprintf("From: bob@crepes.fr\nSubject: number %d\n\nText %d\n", i+1, i+1)
	}
	box.deposit(t, all...)
	page := func(offset int, first string) {
		t.Helper()
		got := ask[listing](c, "GET", "/mail/messages?limit=50&offset="+strconv.Itoa(offset), nil)
		if len(got.Items) != 50 || got.Total == nil || *got.Total < many || got.Items[0].Subject != first {
			t.Fatalf("offset %d: %d messages, total %v, first %+v; want %s", offset, len(got.Items), got.Total, got.Items[:min(1, len(got.Items))], first)
		}
		if want := strconv.Itoa(offset + 50); got.Next != want && !(got.Next == "" && offset+50 >= many) {
			t.Errorf("offset %d: next is %q", offset, got.Next)
		}
	}
	if _, listed, bodies := box.cost(func() { page(0, "number 10000") }); listed > many || bodies > 50 {
		t.Errorf("the first page listed %d messages and opened %d", listed, bodies)
	}
	first, _, _ := box.cost(func() { page(0, "number 10000") })
	for _, offset := range []int{50, 5000, many - 50} {
		calls, listed, bodies := box.cost(func() { page(offset, fmt.Sprintf("number %d", many-offset)) })
		if calls > first || listed != 0 || bodies != 50 {
			t.Errorf("offset %d: %d calls, listed %d messages, opened %d; want %d, 0, 50", offset, calls, listed, bodies, first)
		}
		if _, listed, bodies := box.cost(func() { page(offset, fmt.Sprintf("number %d", many-offset)) }); listed != 0 || bodies != 0 {
			t.Errorf("offset %d again: listed %d messages, opened %d; want none", offset, listed, bodies)
		}
	}
	box.deposit(t, "Subject: the newest\n\n.\n")
	if calls, listed, bodies := box.cost(func() { page(0, "the newest") }); calls > first+1 || listed != 0 || bodies != 1 {
		t.Errorf("after a new message: %d calls, listed %d, opened %d; want %d, 0, 1", calls, listed, bodies, first+1)
	}
	f := ask[listing](c, "GET", "/mail/messages?limit=1", nil).Folder
	ask[changed](c, "POST", fmt.Sprintf("/mail/messages/%d/flags", f.ID), `{"uids":[5000],"add":["flagged"]}`)
	if _, listed, bodies := box.cost(func() { page(0, "the newest") }); listed != 0 || bodies != 0 {
		t.Errorf("after a flag: listed %d, opened %d; want none", listed, bodies)
	}
	if got := ask[listing](c, "GET", "/mail/messages?q=is:flagged", nil); len(got.Items) != 1 || got.Items[0].UID != 5000 {
		t.Errorf("flagged: %+v", got.Items)
	}
	if got := ask[listing](c, "GET", "/mail/messages?offset=20000", nil); len(got.Items) != 0 || got.Next != "" {
		t.Errorf("beyond the end: %+v", got)
	}
	// A search for the newest reads no further than its page.
	if _, _, bodies := box.cost(func() { ask[listing](c, "GET", "/mail/messages?limit=5&q=body:Text", nil) }); bodies > 20 {
		t.Errorf("a search for five opened %d messages", bodies)
	}
}

// All pages together are the list, each message once.
func TestAllPages(t *testing.T) {
	box, c := newCounted(t)
	for i := range 25 {
		box.deposit(t, fmt.Sprintf("Subject: %d\n\n%s\n", i, strings.Repeat("x", 10*(i*7%25))))
	}
	for _, sort := range []string{"", "arrival", "-arrival", "date", "-date", "size", "-size"} {
		seen := map[mailbox.UID]bool{}
		for next := "0"; next != ""; {
			got := ask[listing](c, "GET", "/mail/messages?limit=4&sort="+sort+"&offset="+next, nil)
			for _, m := range got.Items {
				seen[m.UID] = true
			}
			if next = got.Next; len(got.Items) == 0 {
				break
			}
		}
		if len(seen) != 25 {
			t.Errorf("sort=%s: %d messages", sort, len(seen))
		}
	}
	for _, bad := range []string{"limit=0", "limit=201", "limit=x", "offset=-1", "offset=99999999999999999999", "sort=name", "q=is:lost", "q=before:yesterday", "q=larger:much",
		"q=" + strings.Repeat("a", 1001), "q=" + strings.Repeat("a+", 21)} {
		c.want(http.StatusBadRequest, "GET", "/mail/messages?"+bad, nil)
	}
}

func TestSearch(t *testing.T) {
	box, c := newCounted(t)
	box.deposit(t,
		"From: Bob <bob@hamburger.edu>\nTo: alice@crepes.fr\nSubject: Ketchup\nMessage-ID: <k@x>\n\nDo you like ketchup?\n",
		"From: Carol <carol@hamburger.edu>\nTo: alice@crepes.fr\nSubject: Pickles\n\nHow about pickles? No ketchup.\n",
		"From: =?utf-8?B?4Liq4Lih4LiK4Liy4Lii?= <somchai@crepes.fr>\nSubject: =?utf-8?B?4Lit4Liy4Lir4Liy4Lij?=\nContent-Type: text/plain; charset=utf-8\n\nกินข้าวหรือยัง\n",
	)
	for q, want := range map[string][]mailbox.UID{
		"":                           {3, 2, 1},
		"ketchup":                    {2, 1},
		"KETCHUP pickles":            {2},
		"subject:ketchup":            {1},
		"from:carol":                 {2},
		"from:hamburger -from:carol": {1},
		`"like ketchup"`:             {1},
		`"ketchup like"`:             nil,
		"body:pickles":               {2},
		"id:k@x":                     {1},
		"subject:อาหาร":              {3},
		"ข้าว":                       {3},
		"is:unread":                  {3, 2, 1},
		"is:read":                    nil,
		"larger:100000":              nil,
		"smaller:100000":             {3, 2, 1},
		"since:2020-01-01":           {3, 2, 1},
		"before:2020-01-01":          nil,
	} {
		got := ask[listing](c, "GET", "/mail/messages?q="+strings.NewReplacer(" ", "+", `"`, "%22").Replace(q), nil)
		var uids []mailbox.UID
		for _, m := range got.Items {
			uids = append(uids, m.UID)
		}
		if !slices.Equal(uids, want) {
			t.Errorf("q=%s found %v, want %v", q, uids, want)
		}
	}
}

func TestThreads(t *testing.T) {
	box, c := newCounted(t)
	box.deposit(t,
		"Subject: lunch\nMessage-ID: <1@x>\n\n.\n",
		"Subject: Re: lunch\nMessage-ID: <2@x>\nReferences: <1@x>\n\n.\n",
		"Subject: lunch\nMessage-ID: <3@x>\n\n.\n",     // the same subject, but a message of its own
		"Subject: Aw: LUNCH\nMessage-ID: <4@x>\n\n.\n", // names nobody
		"Subject: other\nMessage-ID: <5@x>\nIn-Reply-To: <2@x>\n\n.\n",
		"Subject: loop\nMessage-ID: <6@x>\nReferences: <7@x>\n\n.\n",
		"Subject: loop\nMessage-ID: <7@x>\nReferences: <6@x> <7@x>\n\n.\n",
		"Subject: nobody\n\n.\n",
	)
	got := ask[listing](c, "GET", "/mail/messages?threads=1", nil)
	var threads [][]mailbox.UID
	for _, m := range got.Items {
		if m.Thread == nil || m.Thread.Count != len(m.Thread.UIDs) || m.Thread.Unseen != m.Thread.Count || m.UID != slices.Max(m.Thread.UIDs) {
			t.Errorf("thread %+v of %d", m.Thread, m.UID)
			continue
		}
		threads = append(threads, m.Thread.UIDs)
	}
	total := 0
	for _, ids := range threads {
		total += len(ids)
	}
	if total != 8 || got.Total == nil || *got.Total != len(threads) {
		t.Errorf("%d messages in %v, total %v", total, threads, got.Total)
	}
	for _, want := range [][]mailbox.UID{{6, 7}, {8}} {
		if !slices.ContainsFunc(threads, func(ids []mailbox.UID) bool { return slices.Equal(ids, want) }) {
			t.Errorf("no thread %v in %v", want, threads)
		}
	}
	for _, ids := range threads {
		if slices.Contains(ids, 1) && (!slices.Contains(ids, 2) || !slices.Contains(ids, 5)) {
			t.Errorf("answers are apart from what they answer: %v", threads)
		}
		if slices.Contains(ids, 1) && slices.Contains(ids, 3) {
			t.Errorf("two messages are one thread for their subject alone: %v", threads)
		}
	}
	if page := ask[listing](c, "GET", "/mail/messages?threads=1&limit=1", nil); len(page.Items) != 1 || page.Next != "1" {
		t.Errorf("page %+v", page)
	}
}
