package web_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// readers are the ways to a credential in a request: methods of net/http by name,
// and the names under which one is sent.
func readers() (methods, names []string) {
	return []string{"BasicAuth", "Cookie", "Cookies", "CookiesNamed"},
		[]string{"authorization", "cookie", "token", "once", "password"}
}

// reading lists what in a file could read a credential: "FUNCTION: what" each.
func reading(t *testing.T, file string) (found []string) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	methods, names := readers()
	for _, d := range tree.Decls {
		where := "a declaration"
		if f, ok := d.(*ast.FuncDecl); ok {
			where = f.Name.Name
		}
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if slices.Contains(methods, n.Sel.Name) && !isPackage(n.X, "http") {
					found = append(found, where+": "+n.Sel.Name)
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && slices.Contains(names, strings.ToLower(text)) {
					found = append(found, where+": "+strconv.Quote(text))
				}
			case *ast.CallExpr:
				if name, ok := preference(n); ok && where != "choice" && !slices.Contains([]string{`"lang"`, `"theme"`, `"projector"`}, name) {
					found = append(found, where+": the cookie "+name)
				}
			case *ast.CompositeLit:
				if kind, ok := n.Type.(*ast.Ident); ok && kind.Name == "proof" && len(n.Elts) > 0 {
					found = append(found, where+": makes a proof")
				}
			}
			return true
		})
	}
	return found
}

// preference is the name, as source, of the cookie that a call of choice or chosen
// reads.
func preference(call *ast.CallExpr) (name string, ok bool) {
	f, ok := call.Fun.(*ast.Ident)
	if !ok || f.Name != "choice" && f.Name != "chosen" || len(call.Args) < 2 {
		return "", false
	}
	if lit, ok := call.Args[1].(*ast.BasicLit); ok {
		return lit.Value, true
	}
	return "that a variable names", true
}

func isPackage(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}

// Only identity.go looks at what a caller presents, and only there a proof is made.
// Whoever adds a file that reads the token, the cookie or the Authorization field, or
// that makes a proof, meets this test.
func TestOnlyIdentityLooksAtCredentials(t *testing.T) {
	allowed := []string{"pages.go chosen: Cookie"} // preference holds its callers to three names
	seen := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		found := reading(t, path)
		if filepath.ToSlash(path) == "identity.go" {
			seen = len(found)
			return nil
		}
		for _, f := range found {
			if f = filepath.ToSlash(path) + " " + f; !slices.Contains(allowed, f) {
				t.Errorf("%s: what a caller presents is read in web/identity.go only; use the identity that it returns", f)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 8 { // the test sees what it looks for
		t.Errorf("identity.go reads credentials in %d places", seen)
	}
}
