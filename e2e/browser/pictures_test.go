package browser_test

import (
	"os"
	"path/filepath"
	"testing"
)

// looks are the windows in which every page has to be good.
func looks() map[string]look {
	return map[string]look{
		"1280":           {1280, 800, "en", "light", false},
		"1280-dark":      {1280, 800, "en", "dark", false},
		"1280-th":        {1280, 800, "th", "light", false},
		"1920":           {1920, 1080, "en", "light", false},
		"projector":      {1280, 800, "en", "light", true},
		"projector-1920": {1920, 1080, "th", "light", true},
		"phone":          {390, 844, "en", "light", false},
		"phone-dark":     {390, 844, "th", "dark", false},
	}
}

// TestPictures makes a picture of every page in every look in $GLASSMAIL_PICTURES,
// for people to judge; `make screenshots` does it.
func TestPictures(t *testing.T) {
	dir := os.Getenv("GLASSMAIL_PICTURES")
	if dir == "" {
		t.Skip("GLASSMAIL_PICTURES names no folder")
	}
	l := startLab(t)
	scene(t, l)
	for name, how := range looks() {
		for _, one := range stages() {
			t.Run(one.name+"-"+name, func(t *testing.T) {
				p := openAs(t, l, one.path, how)
				one.act(p)
				p.save(filepath.Join(dir, one.name+"-"+name+".png"))
			})
		}
	}
}

// save writes the picture of the window.
func (p *page) save(path string) {
	p.t.Helper()
	b, err := p.picture()
	if err == nil {
		err = os.WriteFile(path, b, 0o644)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}
