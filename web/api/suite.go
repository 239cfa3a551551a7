package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"glassmail/mailbox"
	"glassmail/web/mailview"
)

// maxAccounts bounds the accounts whose mail one call looks through.
const maxAccounts = 1000

// The calls that stand in for those of a test server: messages of all accounts,
// or of one, each under one id.
func (a *API) suiteRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/messages", Role: OperatorOrUser, Handle: a.suiteList},
		{Method: "DELETE", Path: "/messages", Role: OperatorOrUser, Handle: a.suiteClear},
		{Method: "POST", Path: "/messages/wait", Role: OperatorOrUser, MaxBody: smallBody, Patience: maxWait + time.Minute, Handle: a.suiteWait},
		{Method: "GET", Path: "/messages/{id}", Role: OperatorOrUser, Handle: a.suiteMessage},
		{Method: "GET", Path: "/messages/{id}/raw", Role: OperatorOrUser, Patience: transferTime, Handle: a.suiteRaw},
		{Method: "DELETE", Path: "/messages/{id}", Role: OperatorOrUser, Handle: a.suiteDelete},
	}
}

// found is a message with the id by which these calls know it.
type found struct {
	ID      string `json:"id"`
	Account string `json:"account"`
	item
}

func suiteID(account string, f mailbox.FolderID, uid mailbox.UID) string {
	return strconv.FormatUint(uint64(f), 36) + "-" + strconv.FormatUint(uint64(uid), 36) + "-" + account
}

func parseSuiteID(id string) (account string, f mailbox.FolderID, uid mailbox.UID, err error) {
	folder, rest, ok := strings.Cut(id, "-")
	number, account, ok2 := strings.Cut(rest, "-")
	fid, err1 := strconv.ParseUint(folder, 36, 64)
	n, err2 := strconv.ParseUint(number, 36, 32)
	if !ok || !ok2 || account == "" || len(account) > 400 || errors.Join(err1, err2) != nil {
		return "", 0, 0, fault(http.StatusNotFound, "there is no message with this id")
	}
	return account, mailbox.FolderID(fid), mailbox.UID(n), nil
}

// boxes opens the mailboxes that a call may look through: the caller's own, or for
// an operator the named one or all.
func (a *API) boxes(c *Call, account string) ([]reader, error) {
	if !c.Caller.Has(Operator) {
		if c.Caller.Account == "" {
			return nil, fault(http.StatusUnauthorized, "log in as the account, or as the operator")
		}
		if account != "" && account != c.Caller.Account {
			return nil, fault(http.StatusForbidden, "you are logged in as %s", c.Caller.Account)
		}
		account = c.Caller.Account
	}
	if a.o.Mail == nil {
		return nil, absent("this server keeps no mailboxes")
	}
	names := []string{account}
	if account == "" {
		var err error
		if names, err = a.o.Mail.Accounts(c.Context()); err != nil {
			return nil, err
		}
		names = names[:min(len(names), maxAccounts)]
	}
	var out []reader
	for _, name := range names {
		r, err := a.mailboxOf(c.Context(), name)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// hit is a message that was found, and where.
type hit struct {
	reader
	folder mailbox.FolderID
	mailbox.Message
}

// look returns the newest most messages in the INBOXes, of all boxes, that match.
func (a *API) look(ctx context.Context, boxes []reader, match *mailbox.Matcher, most int) ([]hit, error) {
	var out []hit
	for _, r := range boxes {
		f, err := r.Folder(ctx, r.account, mailbox.Inbox)
		if errors.Is(err, mailbox.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all, err := a.listings.get(ctx, r, f)
		if err != nil {
			return nil, err
		}
		all = slices.Clone(all)
		slices.Reverse(all)
		if match != nil {
			if all, err = a.search(ctx, r, all, match, most); err != nil {
				return nil, err
			}
		}
		for _, m := range all[:min(len(all), most)] {
			out = append(out, hit{r, f.ID, m})
		}
	}
	slices.SortStableFunc(out, func(x, y hit) int { return y.Date.Compare(x.Date) })
	return out[:min(len(out), most)], nil
}

func (a *API) found(ctx context.Context, h hit) (found, error) {
	one, err := a.summaries.item(ctx, h.reader, h.Message)
	return found{suiteID(h.account, h.folder, h.UID), h.account, one}, err
}

func (a *API) suiteList(c *Call) error {
	boxes, err := a.boxes(c, c.URL.Query().Get("account"))
	if err != nil {
		return err
	}
	match, err := parseQuery(c.URL.Query().Get("q"))
	if err != nil {
		return err
	}
	limit, err := c.number("limit", 50, 1, maxPage)
	if err != nil {
		return err
	}
	hits, err := a.look(c.Context(), boxes, match, limit)
	if err != nil {
		return err
	}
	out := []found{}
	for _, h := range hits {
		one, err := a.found(c.Context(), h)
		if err != nil {
			return err
		}
		out = append(out, one)
	}
	return c.JSON(items(out))
}

// suiteClear removes messages for good: those that match, or all.
func (a *API) suiteClear(c *Call) error {
	boxes, err := a.boxes(c, c.URL.Query().Get("account"))
	if err != nil {
		return err
	}
	match, err := parseQuery(c.URL.Query().Get("q"))
	if err != nil {
		return err
	}
	gone := 0
	for _, r := range boxes {
		hits, err := a.look(c.Context(), []reader{r}, match, maxListed)
		if err != nil {
			return err
		}
		if len(hits) == 0 {
			continue
		}
		how := mailbox.Change{Expunge: true}
		for _, h := range hits {
			how.UIDs = append(how.UIDs, h.UID)
		}
		slices.Sort(how.UIDs)
		done, err := r.Change(c.Context(), hits[0].folder, how)
		if err != nil {
			return err
		}
		gone += len(done.Expunged)
	}
	return c.JSON(map[string]int{"changed": gone})
}

// suitePlace opens the message of an id, if the caller may see it.
func (a *API) suitePlace(c *Call) (hit, error) {
	account, folder, uid, err := parseSuiteID(c.PathValue("id"))
	if err != nil {
		return hit{}, err
	}
	boxes, err := a.boxes(c, account)
	if err != nil {
		return hit{}, err
	}
	f, err := boxes[0].folder(c.Context(), strconv.FormatUint(uint64(folder), 10))
	if err != nil {
		return hit{}, err
	}
	m, err := boxes[0].message(c.Context(), f.ID, uid)
	return hit{boxes[0], f.ID, m}, err
}

func (a *API) suiteMessage(c *Call) error {
	h, err := a.suitePlace(c)
	if err != nil {
		return err
	}
	o, err := h.open(c.Context(), h.Message)
	if err != nil {
		return err
	}
	defer o.text.Close()
	v, err := mailview.Read(o.text, o.rec)
	if err != nil {
		return err
	}
	one, err := a.found(c.Context(), h)
	if err != nil {
		return err
	}
	return c.JSON(struct {
		ID       string    `json:"id"`
		Account  string    `json:"account"`
		Arrived  time.Time `json:"arrived"`
		Flags    []string  `json:"flags"`
		Keywords []string  `json:"keywords"`
		*mailview.View
	}{one.ID, one.Account, one.Date, one.Flags, one.Keywords, v})
}

func (a *API) suiteRaw(c *Call) error {
	h, err := a.suitePlace(c)
	if err != nil {
		return err
	}
	o, err := h.open(c.Context(), h.Message)
	if err != nil {
		return err
	}
	defer o.text.Close()
	return sendRaw(c, o, "message.eml")
}

func (a *API) suiteDelete(c *Call) error {
	h, err := a.suitePlace(c)
	if err != nil {
		return err
	}
	if _, err := h.Change(c.Context(), h.folder, mailbox.Change{UIDs: []mailbox.UID{h.UID}, Expunge: true}); err != nil {
		return err
	}
	return c.done()
}
