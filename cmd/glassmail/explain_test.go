package main

import (
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		args []string
		in   string
		want []string
	}{
		{[]string{"RCPT TO:<bob@hamburger.edu>", "550 5.1.1 no"}, "", []string{
			"C: RCPT TO:<bob@hamburger.edu>  # a recipient on the envelope", "(RFC 5321 §4.1.1.3)\n", "S: 550 5.1.1 no  # 550 = no: the server takes no mail for this address",
		}},
		{[]string{"--imap", "* OK ready", "* 2 EXISTS", "* connected to x", "a LOGIN x y", "a OK done", "+ go on"}, "", []string{
			"S: * OK ready  # ", "S: * 2 EXISTS  # the mailbox holds 2 messages", "\n* connected to x\n", "C: a LOGIN x y  # my name", "S: a OK done  # a OK = done", "S: + go on  # ",
		}},
		{nil, "S: 220 x\nC: DATA\nS: 354 go\nC: HELO\n\n* a remark\nC: .\nC:\n", []string{
			"S: 220 x  # 220 = done: the server is ready and names itself", "S: 354 go  # 354 = go on", "C: HELO  # a line of the message", "\n\n* a remark\n", "C: .  # CR LF . CR LF",
		}},
		{[]string{"--lang", "th", "QUIT"}, "", []string{"C: QUIT  # ปิด"}},
		{[]string{"250 ok"}, "", []string{"S: 250 ok  # 250"}},
	} {
		var out, errs strings.Builder
		if code := run(append([]string{"explain"}, tt.args...), strings.NewReader(tt.in), &out, &errs); code != 0 {
			t.Errorf("%q: exit code %d: %s", tt.args, code, errs.String())
		}
		for _, want := range tt.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q: it lacks %q:\n%s", tt.args, want, out.String())
			}
		}
	}
	var out, errs strings.Builder
	if code := run([]string{"explain"}, strings.NewReader(strings.Repeat("x", maxDialogueLine+1)), &out, &errs); code != 1 {
		t.Errorf("a line that is too long: exit code %d", code)
	}
}
