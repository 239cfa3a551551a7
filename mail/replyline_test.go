package mail

import "testing"

func TestParseReplyLine(t *testing.T) {
	type parsed struct {
		code     int
		text     string
		last, ok bool
	}
	for line, want := range map[string]parsed{
		"250 ok": {250, "ok", true, true}, "250-more": {250, "more", false, true}, "250": {250, "", true, true}, "250 ": {250, "", true, true},
		"599 x": {599, "x", true, true}, "199 x": {}, "600 x": {}, "25 x": {}, "+50 x": {}, "250x": {}, "": {}, "-250": {}, "2 5 0": {},
	} {
		var got parsed
		got.code, got.text, got.last, got.ok = ParseReplyLine(line)
		if got != want {
			t.Errorf("%q is %+v, want %+v", line, got, want)
		}
	}
}

func TestCutEnhanced(t *testing.T) {
	for text, want := range map[string]struct {
		e    Enhanced
		rest string
	}{
		"2.1.0 ok": {Enhanced{2, 1, 0}, "ok"}, "5.7.1": {Enhanced{5, 7, 1}, ""}, "ok 2.1.0": {Enhanced{}, "ok 2.1.0"}, "1.2 x": {Enhanced{}, "1.2 x"},
		"a.b.c x": {Enhanced{}, "a.b.c x"}, "2.70000.0 x": {Enhanced{}, "2.70000.0 x"}, "": {Enhanced{}, ""},
	} {
		if e, rest := CutEnhanced(text); e != want.e || rest != want.rest {
			t.Errorf("%q is %v %q, want %v %q", text, e, rest, want.e, want.rest)
		}
	}
}
