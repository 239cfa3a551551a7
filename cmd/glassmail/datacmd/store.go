package datacmd

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"glassmail/mail"
	"glassmail/server"
	"glassmail/store/bolt"
)

func storeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "store", Short: "See how messages lie in the files",
		Example: "  glassmail store show bob@hamburger.edu/INBOX/1",
	}
	cmd.AddCommand(storeShow())
	return cmd
}

func storeShow() *cobra.Command {
	var d data
	var account, folder string
	var width int
	cmd := &cobra.Command{
		Use: "show MESSAGE", Short: "Show a message's frame, index rows and text", Args: cobra.ExactArgs(1),
		Long: `Show what the files hold about a message: its frame in the journal with every byte
explained, its rows in the index (where the text is and how many refer to it; every
copy in a folder; who waits for it in the queue), and its text, side by side.

MESSAGE is the ID in the reply to DATA, the number of a text, or ACCOUNT/FOLDER/UID;
with --account it is a UID of that account's folder.`,
		Example: "  glassmail store show bob@hamburger.edu/INBOX/1\n  glassmail store show 1 --account bob@hamburger.edu --folder Archive --json",
	}
	d.Flags(cmd, true)
	cmd.Flags().StringVar(&account, "account", "", "`ADDRESS` whose message it is; MESSAGE is then a UID")
	cmd.Flags().StringVar(&folder, "folder", "INBOX", "in which `FOLDER` of --account")
	cmd.Flags().IntVar(&width, "width", 0, "columns to use, at least 80 (default those of the terminal)")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		what := args[0]
		if account != "" {
			what = account + "/" + folder + "/" + what
		}
		if width == 0 {
			width = terminalWidth(c.OutOrStdout())
		}
		return d.care(c, server.Task{Do: "show", What: what}, func(w io.Writer, o server.Outcome) {
			showMessage(w, o.Shown, max(width, minWidth))
		})
	}
	return cmd
}

// Widths in columns. From wideFrom on the text has a column of its own.
const (
	minWidth = 80
	wideFrom = 132
	gutter   = " │ "
)

func terminalWidth(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil {
			return n
		}
	}
	return minWidth
}

// showMessage prints frame, rows and text beside each other.
func showMessage(w io.Writer, v *bolt.Inspection, width int) {
	fmt.Fprintf(w, "message text %s\n\n", v.ID)
	n := 2
	if width >= wideFrom {
		n = 3
	}
	each := (width - (n-1)*utf8.RuneCountInString(gutter)) / n
	columns := [][]string{frameLines(&v.Frame, each), rowLines(v, each)}
	if n == 3 {
		columns = append(columns, textLines(&v.Text, each))
	}
	sideBySide(w, columns, each)
	if n == 2 {
		fmt.Fprintln(w, "\n"+strings.Join(textLines(&v.Text, width), "\n"))
	}
}

func frameLines(f *bolt.FrameView, width int) (out []string) {
	out = append(out, "FRAME, in the journal", "", fmt.Sprintf("segment %08x at %d", f.Segment, f.Offset))
	if f.Problem != "" {
		out = append(out, wrap("DAMAGED: "+f.Problem, width)...)
	} else {
		out = append(out, wrap(fmt.Sprintf("LSN %d, %d bytes, checksums match", f.LSN, f.Size), width)...)
	}
	if f.InIndex {
		out = append(out, wrap("before the checkpoint: in the index", width)...)
	} else {
		out = append(out, wrap("beyond the checkpoint: a start replays it", width)...)
	}
	out = append(out, "")
	out = append(out, fieldLines(f.Head, width)...)
	if len(f.Meta) > 0 {
		out = append(out, "", "meta, decoded")
		out = append(out, fieldLines(f.Meta, width)...)
	}
	return out
}

func rowLines(v *bolt.Inspection, width int) (out []string) {
	out = append(out, "INDEX, in index.db", "")
	out = append(out, oneRow("where the text is", v.Row, width)...)
	for _, c := range v.Copies {
		place := c.User + "/" + c.Folder
		if c.Folder == "" {
			place = "a folder that is being removed"
		}
		out = append(out, "")
		out = append(out, oneRow(fmt.Sprintf("copy: %s/%d", place, c.UID), c.RowView, width)...)
	}
	if v.More > 0 {
		out = append(out, fmt.Sprintf("and %d copies more", v.More))
	}
	for i, q := range v.Queue {
		title := "waits in the queue"
		if i == 0 {
			title = "queue: what its recipients share"
		}
		out = append(out, "")
		out = append(out, oneRow(title, q, width)...)
	}
	return out
}

func oneRow(title string, r bolt.RowView, width int) (out []string) {
	out = append(out, wrap(title, width)...)
	out = append(out, wrap(fmt.Sprintf("bucket %s, key %s", r.Bucket, r.Key), width)...)
	return append(out, fieldLines(r.Fields, width)...)
}

// fieldLines has a line for each field, and its bytes below.
func fieldLines(fields []bolt.Field, width int) (out []string) {
	for _, f := range fields {
		if f.Hex == "" {
			out = append(out, wrap(fmt.Sprintf("    %-9s %s", f.Name, plain(f.Value)), width)...)
			continue
		}
		out = append(out, wrap(fmt.Sprintf("%3d %-9s %s", f.At, f.Name, plain(f.Value)), width)...)
		out = append(out, wrap("    "+f.Hex, width)...)
	}
	return out
}

func textLines(t *bolt.TextView, width int) (out []string) {
	out = append(out, fmt.Sprintf("TEXT, %d bytes", t.Size), "")
	if t.File != "" {
		out = append(out, "in its own file "+t.File)
	} else {
		out = append(out, "in the frame, after the record")
	}
	if t.Problem != "" {
		out = append(out, wrap("DAMAGED: "+t.Problem, width)...)
	} else {
		out = append(out, "its checksum matches")
	}
	out = append(out, "")
	for _, l := range strings.Split(strings.TrimSuffix(t.Head, "\n"), "\n") {
		out = append(out, wrap(plain(strings.TrimSuffix(l, "\r")), width)...)
	}
	if int64(len(t.Head)) < t.Size {
		out = append(out, fmt.Sprintf("… %d bytes more", t.Size-int64(len(t.Head))))
	}
	return out
}

// plain keeps a message from controlling the terminal.
func plain(s string) string {
	return mail.Printable(strings.ReplaceAll(s, "\t", " "), '·')
}

// wrap cuts a line into pieces of at most width characters.
func wrap(s string, width int) (out []string) {
	r := []rune(s)
	for len(r) > width {
		cut := width
		for i := width; i > width/2; i-- {
			if r[i] == ' ' {
				cut = i
				break
			}
		}
		out = append(out, string(r[:cut]))
		r = append([]rune("    "), []rune(strings.TrimLeft(string(r[cut:]), " "))...)
	}
	return append(out, string(r))
}

func sideBySide(w io.Writer, columns [][]string, each int) {
	rows := 0
	for _, c := range columns {
		rows = max(rows, len(c))
	}
	for i := range rows {
		var b strings.Builder
		for n, c := range columns {
			cell := ""
			if i < len(c) {
				cell = c[i]
			}
			if n > 0 {
				b.WriteString(gutter)
			}
			b.WriteString(cell + strings.Repeat(" ", max(0, each-utf8.RuneCountInString(cell))))
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}
