package top

import (
	"strings"
)

// column is one column of a table.
type column struct {
	title string // key of the catalogue
	cells int    // its width; of a flexible one, the least
	flex  int    // its share of the room that is left
	right bool   // numbers
}

// row is one line of a table.
type row struct {
	key    string // what stays the same when it changes
	cells  []string
	detail []string // said below when it is chosen
}

// table is a page that is a list.
type table struct {
	columns []column
	rows    []row
	empty   string // key of what is said without rows
}

// filter keeps the rows that contain text, in any case.
func (t *table) filter(text string) {
	if text == "" {
		return
	}
	text = strings.ToLower(text)
	kept := t.rows[:0:0]
	for _, r := range t.rows {
		if strings.Contains(strings.ToLower(strings.Join(append(r.cells, r.detail...), " ")), text) {
			kept = append(kept, r)
		}
	}
	t.rows = kept
}

// index is where the row with the key is, 0 if it is gone.
func (t *table) index(key string) int {
	for i, r := range t.rows {
		if r.key == key {
			return i
		}
	}
	return 0
}

// widths share total among the columns, a space between each two.
func (t *table) widths(total int) []int {
	out, shares := make([]int, len(t.columns)), 0
	left := total - len(t.columns) + 1
	for i, c := range t.columns {
		out[i] = c.cells
		left -= c.cells
		shares += c.flex
	}
	for i, c := range t.columns {
		if shares > 0 && c.flex > 0 {
			more := left * c.flex / shares
			out[i] = max(out[i]+more, 1)
			left -= more
			shares -= c.flex
		}
	}
	return out
}

// line puts cells into their columns, in exactly total cells.
func (t *table) line(cells []string, total int) string {
	parts := make([]string, len(cells))
	for i, w := range t.widths(total) {
		if t.columns[i].right {
			parts[i] = padLeft(clean(cells[i]), w)
		} else {
			parts[i] = pad(clean(cells[i]), w)
		}
	}
	return pad(strings.Join(parts, " "), total)
}
