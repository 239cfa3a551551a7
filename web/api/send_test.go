package api_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"glassmail/mailbox"
)

type sent struct {
	ID, MessageID string
	Folder        mailbox.FolderID
	UID           mailbox.UID
}

// newest is the newest message of a reader's folder, and its path.
func (c *client) newest(folder string) (string, text) {
	c.t.Helper()
	list := ask[listing](c, "GET", "/mail/messages?folder="+folder, nil)
	if len(list.Items) == 0 {
		c.t.Fatalf("%s is empty", folder)
	}
	path := "/mail/messages/" + strconv.FormatUint(uint64(list.Folder.ID), 10) + "/" + strconv.FormatUint(uint64(list.Items[0].UID), 10)
	return path, ask[text](c, "GET", path, nil)
}

// allBytes is every byte there is, and line ends of all sorts.
func allBytes() []byte {
	out := []byte("\r\n.\r\n\n.\n\r")
	for i := range 256 {
		out = append(out, byte(i))
	}
	return bytes.Repeat(out, 50)
}

// What one writes, with attachments, by JSON or by a form, is what the other reads.
func TestSend(t *testing.T) {
	file := allBytes()
	draft := map[string]any{
		"to": []string{"Bob <bob@crepes.fr>"}, "cc": []string{"alice@crepes.fr"}, "bcc": []string{"bob@crepes.fr"}, "fromName": "อลิซ",
		"subject": "อาหารกลางวัน", "text": "Do you like ketchup?\n.\nFrom here\nชอบไหม " + strings.Repeat("long ", 300),
	}
	byJSON := func(c *client) sent {
		whole := map[string]any{"attachments": []any{map[string]any{"name": "ราคา.bin", "type": "application/octet-stream", "data": base64.StdEncoding.EncodeToString(file)}}}
		for k, v := range draft {
			whole[k] = v
		}
		return ask[sent](c, "POST", "/mail/send", whole)
	}
	byForm := func(c *client) sent {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		form.WriteField("message", `{"to":["Bob <bob@crepes.fr>"],"cc":["alice@crepes.fr"],"bcc":["bob@crepes.fr"],"fromName":"อลิซ","subject":"อาหารกลางวัน","text":`+
			strconv.Quote(draft["text"].(string))+`}`)
		part, err := form.CreateFormFile("files", "ราคา.bin")
		if err != nil {
			t.Fatal(err)
		}
		part.Write(file)
		form.Close()
		c.header.Set("Content-Type", form.FormDataContentType())
		defer c.header.Del("Content-Type")
		return ask[sent](c, "POST", "/mail/send", &body)
	}
	for name, send := range map[string]func(*client) sent{"JSON": byJSON, "form": byForm} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			alice, bob := h.as(t, "alice@crepes.fr"), h.as(t, "bob@crepes.fr")
			out := send(alice)
			if out.ID == "" || out.MessageID == "" || out.UID == 0 {
				t.Errorf("sent %+v", out)
			}
			path, m := bob.newest("INBOX")
			if m.Subject != draft["subject"] || strings.TrimSpace(m.Text) != strings.TrimSpace(draft["text"].(string)) {
				t.Errorf("bob reads %q: %q", m.Subject, m.Text)
			}
			if m.Journey != out.ID {
				t.Errorf("the journey is %q, and was told to be %q", m.Journey, out.ID)
			}
			if len(m.Parts) != 2 || m.Parts[1].Name != "ราคา.bin" || !m.Parts[1].Attachment {
				t.Fatalf("parts %+v", m.Parts)
			}
			if got := bob.want(http.StatusOK, "GET", path+"/parts/2", nil); got != string(file) {
				t.Errorf("the file has %d bytes, want %d", len(got), len(file))
			}
			raw := bob.want(http.StatusOK, "GET", path+"/raw", nil)
			for line := range strings.SplitSeq(raw, "\r\n") {
				if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
					t.Errorf("a line of %d bytes: %.100q", len(line), line)
				}
			}
			if strings.Contains(raw, "Bcc") {
				t.Error("the secret recipient is told to all")
			}
			if list := ask[listing](bob, "GET", "/mail/messages", nil); len(list.Items) != 1 {
				t.Errorf("bob, named twice, got %d copies", len(list.Items))
			}
			copied, _ := alice.newest("Sent")
			if !strings.Contains(alice.want(http.StatusOK, "GET", copied+"/raw", nil), "Bcc: bob@crepes.fr") {
				t.Error("the writer's copy does not tell the secret recipient")
			}
		})
	}
}

// No word of a draft can begin a field or a line of its own.
func TestSendInjectsNothing(t *testing.T) {
	h := newHouse(t)
	alice, bob := h.as(t, "alice@crepes.fr"), h.as(t, "bob@crepes.fr")
	const evil = "x\r\nX-Evil: 1\r\n\r\n<script>"
	for _, field := range []string{"subject", "fromName", "inReplyTo"} {
		alice.want(http.StatusOK, "POST", "/mail/send", map[string]any{"to": []string{"bob@crepes.fr"}, "text": "x", field: evil})
	}
	alice.want(http.StatusOK, "POST", "/mail/send", map[string]any{
		"to": []string{"bob@crepes.fr"}, "text": "x", "references": []string{evil, "<a@b>\r\nX-Evil: 1", "<a\r\nX-Evil: 1@b>"},
		"attachments": []any{map[string]any{"name": "a\"; x=\r\nX-Evil: 1\r\n\r\n", "type": "text/html; x=\"\r\nX-Evil: 1\"", "data": ""}},
	})
	alice.want(http.StatusOK, "POST", "/mail/send", map[string]any{"to": []string{`"Bob \" <evil@evil.example>" <bob@crepes.fr>`}, "text": "x", "subject": "=?utf-8?q?=0D=0AX-Evil:_1?="})
	list := ask[listing](bob, "GET", "/mail/messages", nil)
	if len(list.Items) != 5 {
		t.Fatalf("bob has %d messages", len(list.Items))
	}
	for _, item := range list.Items {
		raw := bob.want(http.StatusOK, "GET", fmt.Sprintf("/mail/messages/%d/%d/raw", list.Folder.ID, item.UID), nil)
		for line := range strings.SplitSeq(raw, "\r\n") {
			if strings.HasPrefix(line, "X-Evil") || strings.HasPrefix(line, "<script") || strings.ContainsAny(line, "\r\n\x00") {
				t.Errorf("line %q in\n%s", line, raw)
			}
		}
	}
	for _, to := range []string{"bob@crepes.fr\r\nRCPT TO:<evil@evil.example>", "bob@crepes.fr>\r\nDATA", "<bob@crepes.fr> <evil@evil.example>", "bob", "Bob <bob>", "bob@crepes.fr <evil@evil.example>", "@", "\x00@crepes.fr"} {
		if resp, b := alice.do("POST", "/mail/send", map[string]any{"to": []string{to}, "text": "x"}); resp.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("to %q: %d %s", to, resp.StatusCode, b)
		}
	}
}

func TestSendRefuses(t *testing.T) {
	h := newHouse(t)
	alice := h.as(t, "alice@crepes.fr")
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf("a%d@elsewhere.example", i)
	}
	files := make([]any, 101)
	for i := range files {
		files[i] = map[string]any{"name": "x", "data": ""}
	}
	for want, drafts := range map[int][]any{
		http.StatusUnprocessableEntity: {
			map[string]any{"text": "to nobody"}, map[string]any{"to": []string{"nobody@crepes.fr"}}, map[string]any{"to": many},
			map[string]any{"to": []string{"bob@crepes.fr"}, "from": "bob@crepes.fr"}, map[string]any{"to": []string{"bob@crepes.fr"}, "from": "x"},
			map[string]any{"to": []string{"bob@crepes.fr"}, "subject": strings.Repeat("x", 2001)}, map[string]any{"to": []string{"bob@crepes.fr"}, "attachments": files},
		},
		http.StatusBadRequest: {
			`{"to":"bob@crepes.fr"}`, `{"attachments":[{"data":"***"}]}`, `{"unknown":1}`, `null {}`, `{`,
		},
		http.StatusRequestEntityTooLarge: {
			map[string]any{"to": []string{"bob@crepes.fr"}, "text": strings.Repeat("x", 1<<20)}, map[string]any{"to": []string{"bob@crepes.fr"}, "text": strings.Repeat("x", 8<<20)},
		},
	} {
		for i, d := range drafts {
			if resp, b := alice.do("POST", "/mail/send", d); resp.StatusCode != want {
				t.Errorf("draft %d: %d %.200s, want %d", i, resp.StatusCode, b, want)
			}
		}
	}
	alice.header.Set("Content-Type", "text/plain") // as a form of another page could send
	alice.want(http.StatusUnsupportedMediaType, "POST", "/mail/send", `{"to":["bob@crepes.fr"],"text":"x"}`)
	alice.header.Set("Content-Type", "multipart/form-data; boundary=b")
	for _, form := range []string{"", "--b--", "--b\r\nContent-Disposition: form-data; name=message\r\n\r\n{\r\n--b--\r\n", strings.Repeat("--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n", 2000) + "--b--"} {
		alice.want(http.StatusBadRequest, "POST", "/mail/send", form)
	}
	alice.header.Del("Content-Type")
	if list := ask[listing](h.as(t, "bob@crepes.fr"), "GET", "/mail/messages", nil); len(list.Items) != 0 {
		t.Errorf("bob got %+v", list.Items)
	}
	if list := ask[listing](alice, "GET", "/mail/messages?folder=Sent", nil); len(list.Items) != 0 {
		t.Errorf("alice kept %+v", list.Items)
	}
}

// A draft takes the place of its former state; when it is sent it is gone, and what
// it answers is marked.
func TestDrafts(t *testing.T) {
	h := newHouse(t)
	alice := h.as(t, "alice@crepes.fr")
	asked := h.put(t, "alice@crepes.fr", "INBOX", suiteMessage("a question"))
	first := ask[sent](alice, "POST", "/mail/drafts", map[string]any{"text": "unfinished"})
	second := ask[sent](alice, "POST", "/mail/drafts", map[string]any{"text": "better", "to": []string{"bob@crepes.fr"}, "replaces": map[string]any{"folder": first.Folder, "uid": first.UID}})
	path, m := alice.newest("Drafts")
	list := ask[listing](alice, "GET", "/mail/messages?folder=Drafts", nil)
	if strings.TrimSpace(m.Text) != "better" || len(list.Items) != 1 || m.UID != second.UID || len(list.Items[0].Flags) != 2 {
		t.Errorf("%s: %+v in %+v", path, m, list.Items)
	}
	alice.want(http.StatusOK, "POST", "/mail/send", map[string]any{
		"to": []string{"bob@crepes.fr"}, "text": "done", "replaces": map[string]any{"folder": "Drafts", "uid": second.UID},
		"answers": map[string]any{"folder": asked.Folder, "uid": asked.UID},
	})
	if list := ask[listing](alice, "GET", "/mail/messages?folder=Drafts", nil); len(list.Items) != 0 {
		t.Errorf("drafts %+v", list.Items)
	}
	if list := ask[listing](alice, "GET", "/mail/messages", nil); len(list.Items[0].Flags) != 1 || list.Items[0].Flags[0] != "answered" {
		t.Errorf("flags %v", list.Items[0].Flags)
	}
	// What the draft points to may be gone.
	alice.want(http.StatusOK, "POST", "/mail/send", map[string]any{
		"to": []string{"bob@crepes.fr"}, "text": "again", "replaces": map[string]any{"folder": 999999, "uid": 1}, "answers": map[string]any{"folder": "INBOX", "uid": 999},
	})
}

// A program with the operator's token sends as any account; no copy is kept.
func TestSendAs(t *testing.T) {
	h := newHouse(t)
	op := h.operator(t)
	if out := ask[sent](op, "POST", "/send", `{"from":"alice@crepes.fr","to":["bob@crepes.fr"],"text":"x"}`); out.ID == "" || out.UID != 0 {
		t.Errorf("sent %+v", out)
	}
	op.want(http.StatusUnprocessableEntity, "POST", "/send", `{"to":["bob@crepes.fr"],"text":"x"}`)
	op.want(http.StatusNotFound, "POST", "/send", `{"from":"nobody@crepes.fr","to":["bob@crepes.fr"],"text":"x"}`)
	alice := h.as(t, "alice@crepes.fr")
	alice.want(http.StatusUnprocessableEntity, "POST", "/send", `{"from":"bob@crepes.fr","to":["bob@crepes.fr"],"text":"x"}`)
	if list := ask[listing](alice, "GET", "/mail/messages?folder=Sent", nil); len(list.Items) != 0 {
		t.Errorf("a copy was kept: %+v", list.Items)
	}
}
