package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"glassmail/mailbox"
)

// Bounds of a search.
const (
	maxQuery = 1000 // bytes
	maxWords = 20
)

// parseQuery reads what is looked for: words that must all be found, "in quotes"
// to keep words together, and from: to: cc: subject: body: id: before a word to
// look only there; is:unread, is:read, is:flagged, is:answered, is:draft;
// before:DAY and since:DAY as 2026-05-04; larger: and smaller: in bytes. A minus
// before a word means that it must not be found.
func parseQuery(q string) (*mailbox.Matcher, error) {
	if len(q) > maxQuery {
		return nil, fault(http.StatusBadRequest, "q is longer than %d bytes", maxQuery)
	}
	words := splitQuery(q)
	if len(words) == 0 {
		return nil, nil
	}
	if len(words) > maxWords {
		return nil, fault(http.StatusBadRequest, "q has more than %d words", maxWords)
	}
	var c mailbox.Criteria
	for _, w := range words {
		word, not := strings.CutPrefix(w, "-")
		if word == "" {
			word, not = w, false
		}
		one := &c
		if not {
			one = &mailbox.Criteria{}
		}
		if err := addWord(one, word); err != nil {
			return nil, err
		}
		if not {
			c.Not = append(c.Not, *one)
		}
	}
	return mailbox.NewMatcher(c), nil
}

// splitQuery divides at blanks outside of quotes and takes the quotes away.
func splitQuery(q string) []string {
	var words []string
	var word strings.Builder
	quoted, any := false, false
	for _, r := range q + " " {
		switch {
		case r == '"':
			quoted, any = !quoted, true
		case (r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\u00a0') && !quoted:
			if any && strings.TrimSpace(word.String()) != "" {
				words = append(words, word.String())
			}
			word.Reset()
			any = false
		default:
			word.WriteRune(r)
			any = true
		}
	}
	if rest := strings.TrimSpace(word.String()); quoted && rest != "" { // the last quote is missing
		words = append(words, rest)
	}
	return words
}

func addWord(c *mailbox.Criteria, w string) error {
	key, value, ok := strings.Cut(w, ":")
	if !ok || value == "" {
		c.Text = append(c.Text, w)
		return nil
	}
	switch key = strings.ToLower(key); key {
	case "from", "to", "cc", "bcc", "subject":
		c.Header = append(c.Header, mailbox.HeaderCriterion{Name: key, Text: value})
	case "id":
		c.Header = append(c.Header, mailbox.HeaderCriterion{Name: "message-id", Text: value})
	case "body":
		c.Body = append(c.Body, value)
	case "is":
		return addState(c, strings.ToLower(value))
	case "before", "since":
		return addDay(c, key, value)
	case "larger", "smaller":
		return addSize(c, key, value)
	default:
		c.Text = append(c.Text, w)
	}
	return nil
}

func addState(c *mailbox.Criteria, state string) error {
	switch state {
	case "unread":
		c.Without |= mailbox.Seen
	case "read":
		c.With |= mailbox.Seen
	case "flagged":
		c.With |= mailbox.Flagged
	case "answered":
		c.With |= mailbox.Answered
	case "draft":
		c.With |= mailbox.Draft
	default:
		return fault(http.StatusBadRequest, "is:%s: it may be unread, read, flagged, answered or draft", state)
	}
	return nil
}

func addDay(c *mailbox.Criteria, key, value string) error {
	day, err := time.Parse(time.DateOnly, value)
	if err != nil {
		return fault(http.StatusBadRequest, "%s:%s: write the day as 2026-05-04", key, value)
	}
	if key == "before" {
		c.Before = day
	} else {
		c.Since = day
	}
	return nil
}

func addSize(c *mailbox.Criteria, key, value string) error {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 1 {
		return fault(http.StatusBadRequest, "%s:%s: write a number of bytes", key, value)
	}
	if key == "larger" {
		c.Larger = n
	} else {
		c.Smaller = n
	}
	return nil
}
