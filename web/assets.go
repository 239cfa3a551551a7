package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed static
var static embed.FS

// assets serves the static files and the texts. Under /static/v-<hash>/ they may
// be kept for ever, for the hash is that of all of them; relative imports between
// modules stay inside it. Under /static/ they are asked for anew each time.
type assets struct {
	files fs.FS
	base  string // "/static/v-<hash>/"
	texts func(lang string) []byte
}

func newAssets(languages []string, texts func(lang string) []byte) (*assets, error) {
	files, err := fs.Sub(static, "static")
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, name)
		h.Write([]byte(name))
		h.Write(b)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, lang := range languages {
		h.Write(texts(lang))
	}
	return &assets{files: files, base: "/static/v-" + hex.EncodeToString(h.Sum(nil)[:8]) + "/", texts: texts}, nil
}

func (a *assets) has(name string) bool {
	_, err := fs.Stat(a.files, name)
	return err == nil
}

func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/static/")
	if lasting, ok := strings.CutPrefix(r.URL.Path, a.base); ok {
		name = lasting
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if lang, ok := strings.CutPrefix(name, "text/"); ok {
		a.serveText(w, strings.TrimSuffix(lang, ".json"))
		return
	}
	kind, known := contentTypes()[path.Ext(name)]
	b, err := fs.ReadFile(a.files, name)
	if err != nil || !known {
		w.Header().Set("Cache-Control", "no-store")
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Write(b)
}

func (a *assets) serveText(w http.ResponseWriter, lang string) {
	b := a.texts(lang)
	if b == nil {
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "there are no texts in this language", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(b)
}

// contentTypes are what is served; parts of pages (.html) are not.
func contentTypes() map[string]string {
	return map[string]string{
		".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
		".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8", ".json": "application/json",
	}
}
