package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"

	"glassmail/mailbox"
)

// maxPage bounds the messages of one answer.
const maxPage = 200

// page is the stretch of a list that is asked for.
type page struct{ offset, limit int }

func (c *Call) page() (p page, err error) {
	if p.offset, err = c.number("offset", 0, 0, 10_000_000); err != nil {
		return p, err
	}
	p.limit, err = c.number("limit", 50, 1, maxPage)
	return p, err
}

// next is the offset of the following page, "" after the last.
func (p page) next(more bool) string {
	if !more {
		return ""
	}
	return strconv.Itoa(p.offset + p.limit)
}

// cut returns the page of a list.
func cut[T any](all []T, p page) []T {
	from := min(p.offset, len(all))
	return all[from:min(from+p.limit, len(all))]
}

// messages lists a folder, the newest first. The work is that of one page; only a
// search reads the folder until it has found as many as the page needs.
func (a *API) messages(c *Call) error {
	r, err := a.reader(c)
	if err != nil {
		return err
	}
	q := c.URL.Query()
	key := q.Get("folder")
	if key == "" {
		key = mailbox.Inbox
	}
	f, err := r.folder(c.Context(), key)
	if err != nil {
		return err
	}
	p, err := c.page()
	if err != nil {
		return err
	}
	match, err := parseQuery(q.Get("q"))
	if err != nil {
		return err
	}
	all, err := a.listings.get(c.Context(), r, f)
	if err != nil {
		return err
	}
	if q.Get("threads") == "1" {
		return a.threads(c, r, f, all, match, p)
	}
	out := listed{Folder: f}
	shown, err := out.choose(c.Context(), a, r, all, q.Get("sort"), match, p)
	if err != nil {
		return err
	}
	if out.Items, err = a.items(c.Context(), r, shown); err != nil {
		return err
	}
	return c.JSON(out)
}

// choose finds the messages of a page, and says what comes after them.
func (l *listed) choose(ctx context.Context, a *API, r reader, all []mailbox.Message, by string, match *mailbox.Matcher, p page) ([]mailbox.Message, error) {
	total := len(all)
	if match == nil && by == "" { // the newest first: no more is looked at than is shown
		l.Total, l.Next = &total, p.next(p.offset+p.limit < total)
		end := max(0, total-p.offset)
		shown := slices.Clone(all[max(0, end-p.limit):end])
		slices.Reverse(shown)
		return shown, nil
	}
	all, err := sorted(all, by)
	if err != nil {
		return nil, err
	}
	if match == nil {
		l.Total, l.Next = &total, p.next(p.offset+p.limit < total)
		return cut(all, p), nil
	}
	found, err := a.search(ctx, r, all, match, p.offset+p.limit+1)
	l.Next = p.next(len(found) > p.offset+p.limit)
	return cut(found, p), err
}

// listed is an answer with messages. A search does not know their total.
type listed struct {
	listOf[item]
	Folder mailbox.Folder `json:"folder"`
}

func (a *API) items(ctx context.Context, r reader, shown []mailbox.Message) ([]item, error) {
	out := make([]item, 0, len(shown))
	for _, m := range shown {
		one, err := a.summaries.item(ctx, r, m)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// sorted orders a copy of the messages; they come in the order of arrival.
func sorted(in []mailbox.Message, by string) ([]mailbox.Message, error) {
	out := slices.Clone(in)
	switch by {
	case "", "-arrival":
		slices.Reverse(out)
	case "arrival":
	case "date":
		slices.SortStableFunc(out, func(a, b mailbox.Message) int { return a.Date.Compare(b.Date) })
	case "-date":
		slices.SortStableFunc(out, func(a, b mailbox.Message) int { return b.Date.Compare(a.Date) })
	case "size":
		slices.SortStableFunc(out, func(a, b mailbox.Message) int { return cmp.Compare(a.Size, b.Size) })
	case "-size":
		slices.SortStableFunc(out, func(a, b mailbox.Message) int { return cmp.Compare(b.Size, a.Size) })
	default:
		return nil, fault(http.StatusBadRequest, "sort=%q: it may be arrival, date or size, with a minus for the largest first", by)
	}
	return out, nil
}

// maxSearches is how many searches read messages at one time, in a process. Accounts
// have them in turn.
const maxSearches = 4

// search returns the first most messages that match.
func (a *API) search(ctx context.Context, r reader, all []mailbox.Message, match *mailbox.Matcher, most int) ([]mailbox.Message, error) {
	done, err := turn(ctx, a.searches, r.account)
	if err != nil {
		return nil, err
	}
	defer done()
	var found []mailbox.Message
	for _, m := range all {
		ok, err := match.Match(ctx, r, m)
		if err != nil {
			return nil, err
		}
		if ok {
			if found = append(found, m); len(found) == most {
				break
			}
		}
	}
	return found, nil
}
