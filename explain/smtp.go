package explain

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Greeting and End stand for the verb in SMTPReply where a reply answers none: the
// server's first line, and the dot that ends a message.
const (
	Greeting = "greeting"
	End      = "."
)

// SMTPReply explains the last line of a reply: its code in answer to verb, in
// capitals, and the enhanced code or the challenge in the text after it. Code is
// 200 to 599; a code that is not known is explained by its first digit.
func (w *Words) SMTPReply(verb string, code int, text string) []Note {
	if code < 200 || code > 599 {
		return []Note{w.say("smtp.noreply")}
	}
	class := strconv.Itoa(code / 100)
	meaning, _ := w.first(fmt.Sprintf("smtp.reply.%s.%d", verb, code), fmt.Sprintf("smtp.code.%d", code), "smtp.otherwise."+class)
	line := w.say("smtp.line", code, w.say("smtp.class."+class).Text, meaning.Text)
	line.RFC = meaning.RFC
	out := []Note{line}
	if code == 334 {
		if plain, ok := decoded(text); ok {
			out = append(out, w.say("smtp.base64", text, plain))
		}
	}
	if code < 400 {
		return out
	}
	status, _, _ := strings.Cut(text, " ")
	if len(status) > 2 && status[1] == '.' {
		if n, ok := w.has("smtp.status." + strings.TrimPrefix(strings.TrimLeft(status, "45"), ".")); ok {
			detail := w.say("smtp.status", status, n.Text)
			detail.RFC = n.RFC
			out = append(out, detail)
		}
	}
	return out
}

// decoded is Base64 text in clear, if it is text at all.
func decoded(text string) (string, bool) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	return string(b), err == nil && len(b) > 0 && utf8.Valid(b)
}

// Extension explains a line of the reply to EHLO after its first, given without
// its code; nil if it is not known.
func (w *Words) Extension(text string) []Note {
	keyword, _, _ := strings.Cut(text, " ")
	keyword = strings.ToUpper(keyword)
	n, ok := w.has("smtp.ext." + keyword)
	if !ok {
		return nil
	}
	out := w.say("smtp.extension", keyword, n.Text)
	out.RFC = n.RFC
	return []Note{out}
}

// SMTPCommand explains a command line.
func (w *Words) SMTPCommand(line string) Note {
	n, ok := w.first("smtp.command." + firstWord(line))
	if !ok {
		return w.say("smtp.command.other")
	}
	return n
}

// firstWord is the first word of a line, in capitals.
func firstWord(line string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	return strings.ToUpper(word)
}
