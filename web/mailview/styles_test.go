package mailview

import (
	"runtime"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"glassmail/mail"
	"glassmail/message"
)

// stored is a message in memory.
type stored struct{ *strings.Reader }

func (stored) Close() error { return nil }

// htmlMail is a message of HTML.
func htmlMail(t testing.TB, body string) (mail.Message, *message.Record) {
	t.Helper()
	text := stored{strings.NewReader("Content-Type: text/html\r\n\r\n" + body)}
	rec, err := message.Scan(text, text.Size())
	if err != nil {
		t.Fatal(err)
	}
	return text, rec
}

// The work for a style attribute does not grow with the square of its length.
func TestStylesAreLinear(t *testing.T) {
	const size = 256 << 10
	for _, one := range []string{"red ", "a{", "/*", "font:'", "color:red;", "(", "\\", "\"", "@a ", "url("} {
		for _, before := range []string{"", "color:", "color:blue;x:"} {
			for _, end := range []string{"", ";", ";color:green"} {
				raw := `<p style="` + html.EscapeString(before+strings.Repeat(one, size/len(one))+end) + `">text</p>`
				text, rec := htmlMail(t, raw)
				var m0, m1 runtime.MemStats
				runtime.ReadMemStats(&m0)
				d, err := NewSanitizer().HTML(t.Context(), text, rec)
				runtime.ReadMemStats(&m1)
				if n := m1.TotalAlloc - m0.TotalAlloc; err != nil || n > uint64(400*len(raw)) {
					t.Errorf("%q %q %q: %d bytes are allocated for %d, %v", before, one, end, n, len(raw), err)
				}
				if !strings.Contains(string(d.HTML), "text") || strings.HasPrefix(before, "color:blue") && !strings.Contains(string(d.HTML), "color: blue") {
					t.Errorf("%q %q %q became %.200s", before, one, end, d.HTML[strings.Index(string(d.HTML), "<body>"):])
				}
			}
		}
	}
}

// Many styles, each as long as one may be, cost what their bytes cost, too.
func TestManyStylesAreBounded(t *testing.T) {
	for _, one := range []string{"red ", "a{", "/*", "font:'"} {
		style := `<p style="color:` + strings.Repeat(one, (MaxStyle-10)/len(one)) + `">`
		raw := strings.Repeat(style, (512<<10)/len(style))
		text, rec := htmlMail(t, raw)
		var m0, m1 runtime.MemStats
		runtime.ReadMemStats(&m0)
		_, err := NewSanitizer().HTML(t.Context(), text, rec)
		runtime.ReadMemStats(&m1)
		if n := m1.TotalAlloc - m0.TotalAlloc; err != nil || n > uint64(1500*unpooled*len(raw)) {
			t.Errorf("%q: %d bytes are allocated for %d, %v", one, n, len(raw), err)
		}
	}
}

// Styles are shortened between declarations; the rest of the HTML stays byte for byte.
func TestShortStyles(t *testing.T) {
	long := strings.Repeat("color:red;", MaxStyle/10)
	for in, want := range map[string]string{
		"<P Style=x>a &amp; b<!-- c --><script><p style='" + long + "'></script>": "<P Style=x>a &amp; b<!-- c --><script><p style='" + long + "'></script>",
		"<I>x</I><p a=1 style='" + long + "width:1px' b=\"&lt;\"/>y<B>":           `<I>x</I><p a="1" style="` + long + `" b="&lt;"/>y<B>`,
		"<p style='" + strings.Repeat("x", MaxStyle+1) + "'>":                     `<p style="">`,
		"<p style='" + strings.Repeat("x", MaxStyle-20) + "'>":                    "<p style='" + strings.Repeat("x", MaxStyle-20) + "'>",
	} {
		if got := string(shortStyles([]byte(in))); got != want {
			t.Errorf("%.100q…%.60q became %.100q…%.60q", in, in[max(0, len(in)-60):], got, got[max(0, len(got)-60):])
		}
	}
}
