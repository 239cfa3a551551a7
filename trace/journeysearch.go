package trace

import (
	"slices"
	"strings"
)

// Query selects journeys.
type Query struct {
	// Text is words that must all be found, in any case, in the addresses, the
	// subject, the id, the state or the dialogue. from:, to:, subject:, state:,
	// node: and id: before a word look only there.
	Text   string
	Before string // id of a journey: only older ones; for the next page
	Limit  int    // at most 500; 0 is 50
}

// List returns summaries, the newest first, and the Before of the next page, ""
// if there is none. A Before that is not known any more gives nothing.
func (j *Journeys) List(q Query) (out []Journey, next string) {
	out = []Journey{}
	if j == nil {
		return out, ""
	}
	if q.Limit <= 0 {
		q.Limit = 50
	}
	q.Limit = min(q.Limit, maxList)
	words := strings.Fields(strings.ToLower(q.Text))
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sync()
	end := len(j.list)
	if q.Before != "" {
		end = max(slices.IndexFunc(j.list, func(n *journey) bool { return n.ID == q.Before }), 0)
	}
	all := slices.Clone(j.list[:end])
	for i, n := range slices.Backward(all) {
		if i%stretch == 0 { // a search through much text holds nobody up
			j.mu.Unlock()
			j.mu.Lock()
		}
		if n.gone || !n.matches(words) {
			continue
		}
		if len(out) == q.Limit {
			return out, out[len(out)-1].ID
		}
		out = append(out, n.summary())
	}
	return out, ""
}

// stretch is how many journeys are searched at a time.
const stretch = 16

func (j *journey) matches(words []string) bool {
	for _, w := range words {
		if !j.matchesWord(w) {
			return false
		}
	}
	return true
}

// matchesWord looks for one lower-case word.
func (j *journey) matchesWord(w string) bool {
	field, value, named := strings.Cut(w, ":")
	within := func(s string) bool { return strings.Contains(strings.ToLower(s), value) }
	if named {
		switch field {
		case "from":
			return within(j.From)
		case "to":
			return slices.ContainsFunc(j.To, within)
		case "subject":
			return within(j.Subject)
		case "state":
			return string(j.State) == value
		case "node":
			return slices.ContainsFunc(j.Nodes, within)
		case "id":
			return slices.ContainsFunc(j.raws, within) || within(j.MessageID)
		}
	}
	value = w
	return within(j.From) || slices.ContainsFunc(j.To, within) || within(j.Subject) || string(j.State) == w ||
		within(j.ID) || within(j.MessageID) ||
		slices.ContainsFunc(j.steps, func(s Step) bool { return within(s.Text) })
}
