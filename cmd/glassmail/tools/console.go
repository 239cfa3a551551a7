package tools

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// maxInput bounds a line of input, in bytes.
const maxInput = 1 << 20

// console is where the lines of a conversation are typed and shown.
type console interface {
	// read returns the next line of input, without its end. It may block past
	// close.
	read() (string, error)
	// print shows one line.
	print(line string)
	// person reports whether somebody types: what is typed is then on the screen
	// already.
	person() bool
	// close gives the terminal back as it was.
	close()
}

// openConsole is a terminal with line editing if in and out are one, else a pipe.
func openConsole(in io.Reader, out io.Writer) (console, error) {
	fi, ok1 := in.(*os.File)
	fo, ok2 := out.(*os.File)
	if !ok1 || !ok2 || !term.IsTerminal(int(fi.Fd())) || !term.IsTerminal(int(fo.Fd())) {
		return newPipe(in, out), nil
	}
	restoreOut := enableEscapes(fo)
	state, err := term.MakeRaw(int(fi.Fd()))
	if err != nil {
		restoreOut()
		return nil, fmt.Errorf("switch the terminal to line editing: %w", err)
	}
	plain := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb"
	return &terminal{
		term: term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{fi, fo}, "C: "),
		size:  func() (int, int, error) { return term.GetSize(int(fo.Fd())) },
		dim:   !plain,
		erase: fo,
		restore: func() {
			term.Restore(int(fi.Fd()), state)
			restoreOut()
		},
	}, nil
}

// pipe is a console without a terminal.
type pipe struct {
	in  *bufio.Scanner
	out io.Writer
}

func newPipe(in io.Reader, out io.Writer) *pipe {
	s := bufio.NewScanner(in)
	s.Buffer(make([]byte, 0, 4096), maxInput)
	return &pipe{in: s, out: out}
}

func (p *pipe) read() (string, error) {
	if p.in.Scan() {
		return p.in.Text(), nil // without CR LF or LF
	}
	if err := p.in.Err(); err != nil {
		return "", fmt.Errorf("read the input: %w", err)
	}
	return "", io.EOF
}

func (p *pipe) print(line string) { fmt.Fprintln(p.out, line) }
func (p *pipe) person() bool      { return false }
func (p *pipe) close()            {}

// terminal edits lines; its prompt makes what is typed a line of the client's.
type terminal struct {
	term    *term.Terminal
	size    func() (width, height int, err error)
	dim     bool      // remarks are less bright than the dialogue
	erase   io.Writer // the screen itself
	restore func()
}

func (t *terminal) read() (string, error) {
	if w, h, err := t.size(); err == nil && w > 0 {
		t.term.SetSize(w, h)
	}
	return t.term.ReadLine()
}

func (t *terminal) print(line string) {
	if !strings.HasPrefix(line, "* ") {
		io.WriteString(t.term, line+"\n")
		return
	}
	w, _, err := t.size()
	if err != nil {
		w = 80
	}
	for _, l := range wrap(line, w-1, "*   ") {
		if t.dim {
			l = "\x1b[2m" + l + "\x1b[0m"
		}
		io.WriteString(t.term, l+"\n")
	}
}

// wrap breaks line at blanks so that its pieces have at most width letters if
// possible; indent stands before all but the first.
func wrap(line string, width int, indent string) []string {
	var out []string
	head, rest, _ := strings.Cut(line, " ")
	for word := range strings.SplitSeq(rest, " ") {
		if utf8.RuneCountInString(head)+1+utf8.RuneCountInString(word) > width && len(head) > len(indent) {
			out = append(out, head)
			head = indent + word
			continue
		}
		head += " " + word
	}
	return append(out, head)
}

func (t *terminal) person() bool { return true }
func (t *terminal) close() {
	io.WriteString(t.erase, "\r\x1b[K") // a prompt may stand there
	t.restore()
}
