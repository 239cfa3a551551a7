package tools

import (
	"fmt"
	"strings"
)

var greetings = map[string]string{
	"OK":      "the server is ready; each command begins with a tag of your choice: a1 LOGIN name password",
	"PREAUTH": "the server knows you already: a1 SELECT INBOX",
	"BYE":     "the server will not serve you",
}

func greetingWords(rest string) []string {
	status, text, _ := strings.Cut(rest, " ")
	words := []string{greetings[strings.ToUpper(status)]}
	return append(words, codesWithin(text)...)
}

// imapDone says what a successful command has achieved, and what may be next.
var imapDone = map[string]string{
	"APPEND":       "the message is in the mailbox",
	"AUTHENTICATE": "you are logged in: LIST \"\" * or SELECT INBOX",
	"CAPABILITY":   "that is what the server can do",
	"CHECK":        "the mailbox is saved",
	"CLOSE":        "the mailbox is closed; messages marked \\Deleted are gone",
	"COPY":         "the messages are in the other mailbox too",
	"CREATE":       "the mailbox exists",
	"DELETE":       "the mailbox is gone",
	"ENABLE":       "the extensions are on",
	"EXAMINE":      "the mailbox is open for reading only",
	"EXPUNGE":      "messages marked \\Deleted are gone",
	"FETCH":        "those were the messages",
	"ID":           "that is the server's program",
	"IDLE":         "the server no longer reports on its own",
	"LIST":         "those are the mailboxes",
	"LOGIN":        "you are logged in: LIST \"\" * or SELECT INBOX",
	"LOGOUT":       "the connection closes",
	"LSUB":         "those are the subscribed mailboxes",
	"MOVE":         "the messages are in the other mailbox",
	"NAMESPACE":    "that is how mailboxes are named",
	"NOOP":         "nothing was asked for; news stands above",
	"RENAME":       "the mailbox has its new name",
	"SEARCH":       "those are the numbers of the messages found",
	"SELECT":       "the mailbox is open: FETCH 1:* (FLAGS ENVELOPE), or FETCH 1 BODY[]",
	"STARTTLS":     "both sides now begin TLS on this connection",
	"STATUS":       "that is the state of the mailbox",
	"STORE":        "the flags are changed",
	"SUBSCRIBE":    "the mailbox is subscribed to",
	"UID COPY":     "the messages are in the other mailbox too",
	"UID EXPUNGE":  "those messages are gone",
	"UID FETCH":    "those were the messages",
	"UID MOVE":     "the messages are in the other mailbox",
	"UID SEARCH":   "those are the UIDs of the messages found",
	"UID STORE":    "the flags are changed",
	"UNSELECT":     "the mailbox is closed; nothing was removed",
	"UNSUBSCRIBE":  "the mailbox is no longer subscribed to",
}

// statusReply explains the status of a tagged reply (RFC 3501 §7.1).
func statusReply(status, command string) string {
	switch status {
	case "OK":
		if words, ok := imapDone[command]; ok {
			return "OK = done: " + words
		}
		return "OK = done"
	case "NO":
		return "NO = the command is right, and the server could not or would not do it"
	case "BAD":
		return "BAD = the server does not understand the command, or not at this point"
	}
	return status
}

func continueWords(command string) string {
	switch command {
	case "IDLE":
		return "+ = the server reports news from now on; DONE ends that"
	case "AUTHENTICATE":
		return "+ = the server waits for your answer in Base64"
	}
	return "+ = go on: the server waits for the rest of the command"
}

// imapData explains untagged data by its name (RFC 3501 §7.2 to §7.4).
var imapData = map[string]string{
	"CAPABILITY": "what the server can do",
	"BYE":        "the server closes the connection",
	"FLAGS":      "the flags that messages here can have",
	"LIST":       "a mailbox: its marks, the sign between levels, its name",
	"LSUB":       "a subscribed mailbox",
	"NAMESPACE":  "how mailboxes are named",
	"SEARCH":     "the numbers of the messages found",
	"ESEARCH":    "the result of the search",
	"STATUS":     "the state of a mailbox",
}

// imapNumber explains untagged data that begins with a number.
var imapNumber = map[string]string{
	"EXISTS":  "the mailbox holds %s messages",
	"RECENT":  "%s messages are new since somebody last looked",
	"EXPUNGE": "message %s is gone; those after it move up by one",
	"FETCH":   "data of message %s",
}

func untaggedWords(rest string) []string {
	f := strings.Fields(rest)
	if len(f) == 0 {
		return nil
	}
	if len(f) > 1 {
		if words, ok := imapNumber[strings.ToUpper(f[1])]; ok {
			return []string{fmt.Sprintf(words, f[0])}
		}
	}
	switch word := strings.ToUpper(f[0]); word {
	case "OK", "NO", "BAD":
		return codesWithin(strings.Join(f[1:], " "))
	default:
		if words, ok := imapData[word]; ok {
			return []string{words}
		}
	}
	return nil
}

// codeMeanings explains response codes in square brackets (RFC 3501 §7.1).
var codeMeanings = map[string]string{
	"ALERT":                "a person should read this",
	"ALREADYEXISTS":        "the mailbox exists already",
	"APPENDUID":            "the UID that the new message got",
	"AUTHENTICATIONFAILED": "name or password is wrong",
	"COPYUID":              "the UIDs that the copies got",
	"HIGHESTMODSEQ":        "the number of the latest change",
	"NONEXISTENT":          "there is no such mailbox",
	"OVERQUOTA":            "the mailbox is full",
	"PERMANENTFLAGS":       "the flags that can be changed for good",
	"PRIVACYREQUIRED":      "TLS first: STARTTLS",
	"READ-ONLY":            "the mailbox can be read, not changed",
	"READ-WRITE":           "the mailbox can be read and changed",
	"TRYCREATE":            "the mailbox does not exist; CREATE makes it",
	"UIDNEXT":              "the UID that the next message gets",
	"UIDVALIDITY":          "UIDs that were remembered stay right as long as this number stays",
	"UNSEEN":               "the first message that was not read",
}

// codesWithin explains the response code at the start of text.
func codesWithin(text string) []string {
	inner, ok := strings.CutPrefix(text, "[")
	if !ok {
		return nil
	}
	inner, _, _ = strings.Cut(inner, "]")
	code, _, _ := strings.Cut(inner, " ")
	code = strings.ToUpper(code)
	if words, ok := codeMeanings[code]; ok {
		return []string{code + ": " + words}
	}
	return nil
}
