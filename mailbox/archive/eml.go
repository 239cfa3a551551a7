package archive

import (
	"path"
	"strings"
)

const emlSuffix = ".eml"

// OpenEML reads a file with one message, or all files of a folder whose names
// end in .eml and those in folders below it, which are mail folders. What lies
// at the top goes to INBOX. The date is that of the Date field, or the file's.
func OpenEML(name string) (*Collection, error) {
	files, err := openFiles(name, func(p string) bool { return strings.EqualFold(path.Ext(p), emlSuffix) })
	if err != nil {
		return nil, err
	}
	return files.collection(func(f foundFile, yield func(Incoming, error) bool) bool {
		in := files.incoming(f, pathFolder(path.Dir(f.path)))
		file, err := in.Open()
		if err != nil {
			return yield(in, err)
		}
		header, err := firstHeader(file)
		file.Close()
		if sent := sentDate(header); !sent.IsZero() {
			in.Date = sent
		}
		return yield(in, err)
	}), nil
}
