// Package glassmail_test holds the house to its rules: who may import whom, and
// what no file may contain.
package glassmail_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "glassmail/"

// allowed lists, for each package, the packages of ours that it may import. It
// is the table "Layers" of docs/flow.md.
func allowed() map[string][]string {
	low := []string{"mail", "trace", "wire"}
	return map[string][]string{
		"atomicfile": nil, "mail": nil, "spelling": nil, "trace": {"spelling"}, "config": {"spelling"}, "dialog": nil, "control": {"atomicfile"},
		"explain": {"mail", "trace"}, "maillog": {"trace"}, "pcap": {"explain", "trace"},
		"wire": {"atomicfile", "mail", "trace"}, "wire/wiretest": {"wire"}, "message": nil, "auth": {"mail"}, "mailbox": {"mail", "message"}, "mailbox/archive": {"mail", "mailbox", "message"},
		"queue": {"mail", "message", "trace", "wire"}, "dns": {"atomicfile", "trace", "wire"}, "dns/dissect": {"dns"}, "dns/tool": {"dns", "dns/dissect", "wire"}, "store": {"mail", "mailbox", "queue"},
		"store/bolt":      {"atomicfile", "mail", "mailbox", "queue", "store"},
		"store/memory":    {"mail", "mailbox", "queue", "store"},
		"store/storetest": {"mail", "mailbox", "queue", "store"},
		"server/smtpd":    append([]string{"spelling"}, low...),
		"server/imapd":    append([]string{"mailbox", "message"}, low...),
		"server/dnsd":     {"dns", "mail", "trace", "wire"},
		"intercept":       {"trace", "wire"},
		"server": {"atomicfile", "auth", "config", "control", "mail", "mailbox", "mailbox/archive", "message", "queue", "server/imapd", "server/smtpd", "store", "store/bolt",
			"trace", "web/api", "wire"},
		"catalogue":    nil,
		"web/mailview": {"mail", "mailbox", "message"},
		"web/api":      {"auth", "explain", "intercept", "mail", "mailbox", "message", "pcap", "queue", "trace", "web/mailview"},
		"web":          {"auth", "catalogue", "mail", "trace", "web/api"},
		"top":          {"atomicfile", "catalogue", "explain", "trace"},
		"lab/book":     {"atomicfile"}, "sockets": nil,
		"lab/lesson": {"dns", "trace", "wire"}, "lab/lesson/lessontest": {"dns", "lab/lesson", "trace", "wire"},
		"lab": {"config", "control", "dns", "dns/dissect", "intercept", "lab/book", "lab/lesson", "mailbox", "server", "server/dnsd", "trace", "web", "web/api", "wire"},
	}
}

// engines names the one place where each library may be used.
func engines() map[string][]string {
	return map[string][]string{
		"github.com/emersion/go-smtp":    {"server/smtpd", "queue"},
		"github.com/emersion/go-imap/v2": {"server/imapd"},
		"go.etcd.io/bbolt":               {"store/bolt"},
		"github.com/miekg/dns":           {"dns", "dns/dissect"},
		"gvisor.dev/gvisor":              {"lab"},
		"github.com/charmbracelet":       {"top"},
	}
}

// source is one Go file that is not a test.
type source struct {
	pkg, path string
	ast       *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	files := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, source{filepath.ToSlash(filepath.Dir(path)), filepath.ToSlash(path), f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("found %d files only", len(out))
	}
	return out
}

func TestImportsPointDown(t *testing.T) {
	rules, libraries := allowed(), engines()
	for _, s := range sources(t) {
		for _, i := range s.ast.Imports {
			path := strings.Trim(i.Path.Value, `"`)
			if own, ok := strings.CutPrefix(path, module); ok {
				may, known := rules[s.pkg]
				if !known && strings.HasPrefix(s.pkg, "cmd/") || strings.HasPrefix(s.pkg, "bench") {
					continue // the top may import everything
				}
				if !known {
					t.Errorf("%s: package %s has no layer; give it one in allowed()", s.path, s.pkg)
				}
				if !slices.Contains(may, own) {
					t.Errorf("%s: %s may not import %s", s.path, s.pkg, own)
				}
			}
			for lib, places := range libraries {
				if (path == lib || strings.HasPrefix(path, lib+"/")) && !slices.Contains(places, s.pkg) {
					t.Errorf("%s: %s is for %v only", s.path, lib, places)
				}
			}
		}
	}
}

// Two nodes in one process are the normal case, so nothing may be global.
func TestNoGlobalState(t *testing.T) {
	for _, s := range sources(t) {
		if strings.HasPrefix(s.pkg, "cmd/") || s.pkg == "store/storetest" || s.pkg == "lab/lesson/lessontest" { // test code
			continue
		}
		for _, d := range s.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					t.Errorf("%s: func init", s.path)
				}
			case *ast.GenDecl:
				if d.Tok == token.VAR {
					checkVars(t, s, d)
				}
			}
		}
	}
}

// checkVars lets through what never changes: errors, compile-time assertions and
// embedded files.
func checkVars(t *testing.T, s source, d *ast.GenDecl) {
	for _, spec := range d.Specs {
		v := spec.(*ast.ValueSpec)
		for _, name := range v.Names {
			embedded := d.Doc != nil && strings.Contains(directives(d.Doc), "//go:embed")
			if name.Name == "_" || embedded || strings.HasPrefix(strings.ToLower(name.Name), "err") {
				continue
			}
			t.Errorf("%s: package variable %s", s.path, name.Name)
		}
	}
}

func directives(g *ast.CommentGroup) string {
	var b strings.Builder
	for _, c := range g.List {
		b.WriteString(c.Text + "\n")
	}
	return b.String()
}

// writers name the functions of os that make or replace a file, and the places
// that may call them. A small file goes through atomicfile.Write, which is durable
// and private; what stands here is a store's, an export, or a file that grows while
// others read it.
func writers() map[string][]string {
	return map[string][]string{
		"WriteFile":  {},
		"Create":     {},
		"CreateTemp": {"atomicfile/atomicfile.go", "web/api/spool.go"}, // of requests: gone with them
		"OpenFile": {
			"store/bolt/fs.go", "store/bolt/fs_unix.go", "store/bolt/fs_windows.go", // journal, texts and lock
			"store/bolt/backup.go",  // copies, flushed
			"server/maintenance.go", // an export
			"cmd/glassmail/pcap.go", // Wireshark reads along
		},
		"Rename": {
			"atomicfile/atomicfile.go",
			"store/bolt/index.go", "store/bolt/exchange.go", // whole indexes, flushed
		},
	}
}

func TestSmallFilesAreDurable(t *testing.T) {
	rules, seen := writers(), 0
	for _, s := range sources(t) {
		if s.pkg == "bench/compare" { // no part of the program
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); !ok || x.Name != "os" {
				return true
			}
			places, watched := rules[sel.Sel.Name]
			if !watched {
				return true
			}
			seen++
			if !slices.Contains(places, s.path) {
				t.Errorf("%s calls os.%s: a small file goes through atomicfile.Write", s.path, sel.Sel.Name)
			}
			return true
		})
	}
	if seen < 8 {
		t.Errorf("found %d calls only", seen)
	}
}
