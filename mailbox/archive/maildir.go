package archive

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/message"
)

// keywordFile is where Dovecot, and so other programs, keep what the small
// letters of a Maildir's file names mean: lines of a number and a keyword.
const keywordFile = "dovecot-keywords"

const maildirKeywords = 26 // one for each small letter

// maildirLetters are the flags in a file name, in the order of the alphabet.
func maildirLetters() []flagLetter {
	return []flagLetter{{mailbox.Draft, 'D'}, {mailbox.Flagged, 'F'}, {mailbox.Answered, 'R'}, {mailbox.Seen, 'S'}, {mailbox.Deleted, 'T'}}
}

// infoMark stands before the flags of a file name. Windows allows no colon.
func infoMark() string {
	if runtime.GOOS == "windows" {
		return ";2,"
	}
	return ":2,"
}

// maildirArchive writes a Maildir in the layout called Maildir++.
type maildirArchive struct {
	root     *os.Root
	folder   mailbox.Folder
	dir      string
	keywords []string
}

// CreateMaildir makes a Maildir with its folders in it, in the layout called
// Maildir++: folder A/B is .A.B, with UTF-8 in names, and %2E for a dot. Line
// ends become LF; the date is the file's. A file name depends on the message
// only, and what exists is not written again, so that an export that was
// interrupted is finished by doing it again. Of a folder's keywords 26 are kept.
func CreateMaildir(dir string) (Archive, error) {
	root, err := createRoot(dir)
	if err != nil {
		return nil, err
	}
	return &maildirArchive{root: root}, nil
}

func (a *maildirArchive) Folder(f mailbox.Folder) error {
	a.folder, a.dir = f, maildirPath(f.Name)
	for _, d := range [...]string{"tmp", "new", "cur"} {
		if err := a.root.MkdirAll(path.Join(a.dir, d), 0o700); err != nil {
			return err
		}
	}
	a.keywords = f.Keywords[:min(len(f.Keywords), maildirKeywords)]
	if len(a.keywords) == 0 {
		return nil
	}
	var b strings.Builder
	for i, k := range a.keywords {
		fmt.Fprintf(&b, "%d %s\n", i, k)
	}
	return a.root.WriteFile(path.Join(a.dir, keywordFile), []byte(b.String()), 0o600)
}

// maildirPath is the folder's path below the Maildir of the INBOX.
func maildirPath(name string) string {
	if name == mailbox.Inbox {
		return "."
	}
	levels := strings.Split(name, mailbox.Delimiter)
	for i := range levels {
		levels[i] = escapeLevel(levels[i], specialInMaildir)
	}
	return "." + strings.Join(levels, ".")
}

func (a *maildirArchive) Add(m mailbox.Message, _ *message.Record, text mail.Message) error {
	name := fmt.Sprintf("%d.V%dU%010d.glassmail", m.Date.Unix(), a.folder.UIDValidity, m.UID)
	final := path.Join(a.dir, "cur", name+infoMark()+letters(m.Flags, maildirLetters())+a.keywordLetters(m.Keywords))
	if _, err := a.root.Lstat(final); err == nil {
		return nil
	}
	tmp := path.Join(a.dir, "tmp", name)
	f, err := a.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 64<<10)
	_, err = io.Copy(w, message.WithLF(text, text.Size()))
	if err == nil {
		err = w.Flush()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = a.root.Chtimes(tmp, m.Date, m.Date)
	}
	if err == nil {
		err = a.root.Rename(tmp, final)
	}
	return err
}

func (a *maildirArchive) keywordLetters(keywords []string) string {
	var b []byte
	for _, k := range keywords {
		if i := slices.Index(a.keywords, k); i >= 0 {
			b = append(b, 'a'+byte(i))
		}
	}
	slices.Sort(b)
	return string(b)
}

func (a *maildirArchive) Close() error { return a.root.Close() }

// OpenMaildir reads a Maildir with the folders in it, in either layout: .A.B
// beside cur and new, or A/B. Messages come in the order of their file names.
func OpenMaildir(dir string) (*Collection, error) {
	files, err := openFiles(dir, func(p string) bool {
		in := path.Base(path.Dir(p))
		return in == "cur" || in == "new"
	})
	if err != nil {
		return nil, err
	}
	files.sort(compareMaildir)
	keywords := make(map[string][]string) // by folder
	return files.collection(func(f foundFile, yield func(Incoming, error) bool) bool {
		in := path.Dir(f.path)
		top := path.Dir(in)
		m := files.incoming(f, maildirFolder(top))
		if path.Base(in) == "new" {
			return yield(m, nil)
		}
		names, ok := keywords[top]
		if !ok {
			var err error
			if names, err = files.keywords(top); err != nil && !yield(Incoming{Name: path.Join(top, keywordFile)}, passedOver{err}) {
				return false
			}
			keywords[top] = names
		}
		m.Flags, m.Keywords = maildirFlags(path.Base(f.path), names)
		return yield(m, nil)
	}), nil
}

// compareMaildir puts the files of a folder in the order of the seconds with
// which their names begin.
func compareMaildir(a, b string) int {
	seconds := func(p string) int64 {
		digits, _, _ := strings.Cut(path.Base(p), ".")
		n, _ := strconv.ParseInt(digits, 10, 64) // 0 if it is no number
		return n
	}
	return cmp.Or(
		strings.Compare(path.Dir(path.Dir(a)), path.Dir(path.Dir(b))),
		cmp.Compare(seconds(a), seconds(b)),
		strings.Compare(path.Base(a), path.Base(b)),
	)
}

// maildirFolder is the folder kept in a directory.
func maildirFolder(dir string) string {
	if dir == "." {
		return mailbox.Inbox
	}
	var levels []string
	for d := range strings.SplitSeq(dir, "/") {
		if dotted, ok := strings.CutPrefix(d, "."); ok {
			levels = append(levels, strings.Split(dotted, ".")...)
		} else {
			levels = append(levels, d)
		}
	}
	for i := range levels {
		levels[i] = unescapeLevel(levels[i])
	}
	return strings.Join(levels, mailbox.Delimiter)
}

// maildirFlags reads the letters at the end of a file name.
func maildirFlags(name string, keywords []string) (mailbox.Flags, []string) {
	i := strings.LastIndex(name, "2,")
	if i < 1 || strings.IndexByte(":;!", name[i-1]) < 0 {
		return 0, nil
	}
	info := name[i+2:]
	var found []string
	for _, c := range []byte(info) {
		if n := int(c) - 'a'; n >= 0 && n < len(keywords) && keywords[n] != "" {
			found = append(found, keywords[n])
		}
	}
	return flagsOf(info, maildirLetters()), found
}

// keywords reads what the small letters of a folder mean.
func (t *fileTree) keywords(dir string) ([]string, error) {
	name := path.Join(dir, keywordFile)
	info, err := t.root.Stat(name)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err == nil {
		err = RegularFile(name, info)
	}
	if err != nil {
		return nil, err
	}
	f, err := t.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names := make([]string, maildirKeywords)
	lines := bufio.NewScanner(io.LimitReader(f, 64<<10))
	for lines.Scan() {
		number, name, ok := strings.Cut(lines.Text(), " ")
		if n, err := strconv.Atoi(number); ok && err == nil && n >= 0 && n < len(names) {
			names[n] = name
		}
	}
	if err := lines.Err(); err != nil {
		return names, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return names, nil
}
