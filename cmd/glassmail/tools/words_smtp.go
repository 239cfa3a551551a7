package tools

// The explanations of SMTP replies. They are looked up by command and code
// first, by code alone second, and by the first digit last.

// reply is a code in answer to a command.
type reply struct {
	verb string
	code int
}

// class is what the first digit of a code says (RFC 5321 §4.2.1).
type class struct{ name, otherwise string }

var classWords = [...]class{
	2: {"done", "the server did what it was asked to"},
	3: {"go on", "the server waits for the rest"},
	4: {"not now", "it may work later; a mail server keeps the message in its queue and tries again"},
	5: {"no", "it will not work this way, and trying again does not help"},
}

var replyWords = map[reply]string{
	{"greeting", 220}: "the server is ready and names itself; say who you are: HELO or EHLO, then your host's name",
	{"greeting", 554}: "this server takes no mail",
	{"HELO", 250}:     "the server knows your name; next comes the sender: MAIL FROM:<you@your.domain>",
	{"EHLO", 250}:     "above is what the server can do; next comes the sender: MAIL FROM:<you@your.domain>",
	{"MAIL", 250}:     "the sender is noted; next comes RCPT TO:<somebody@some.domain>, once for each recipient",
	{"RCPT", 250}:     "the recipient is noted; next comes another RCPT TO, or DATA",
	{"RCPT", 251}:     "the recipient is elsewhere; this server passes the message on",
	{"RCPT", 550}:     "the server takes no mail for this address from you",
	{"RCPT", 503}:     "a recipient comes after a sender: MAIL FROM first",
	{"DATA", 354}:     "now the message: header lines, an empty line, the text; a line with nothing but a dot ends it",
	{"DATA", 503}:     "a message needs a recipient: RCPT TO first",
	{"DATA", 554}:     "no recipient is left",
	{".", 250}:        "the server has taken responsibility: it delivers the message or reports that it could not",
	{"BDAT", 250}:     "the chunk has arrived; after the chunk marked LAST, the server has taken responsibility",
	{"RSET", 250}:     "sender, recipients and message are forgotten; the connection stays",
	{"NOOP", 250}:     "the server is there; nothing else happened",
	{"VRFY", 252}:     "the server does not say whether the address exists, so that nobody can try out a list",
	{"QUIT", 221}:     "the server closes the connection",
	{"STARTTLS", 220}: "both sides now begin TLS on this connection; nobody on the way can read what follows",
	{"AUTH", 235}:     "the server believes who you are",
	{"AUTH", 334}:     "the server asks for more, in Base64",
	{"AUTH", 535}:     "name or password is wrong",
}

var codeWords = map[int]string{
	211: "the state of the server",
	214: "help for a person",
	220: "ready",
	221: "the connection closes",
	235: "you are who you say",
	250: "the command was carried out",
	251: "the recipient is elsewhere; this server passes the message on",
	252: "not verified, but a message would be taken",
	334: "the server asks for more, in Base64",
	354: "the server waits for the message",
	421: "the server must close the connection; try again later",
	432: "the password has to be changed first",
	450: "the mailbox cannot be used at the moment",
	451: "something went wrong at the server",
	452: "too little room, or too many recipients at once",
	454: "TLS or the check of the password does not work at the moment",
	455: "the parameters cannot be served at the moment",
	500: "the command is not known; perhaps a typing error",
	501: "the command is known, what follows it is not understood",
	502: "the server knows the command and does not offer it",
	503: "the command comes at the wrong time; the order is HELO, MAIL, RCPT, DATA",
	504: "the parameter is not offered",
	521: "this host takes no mail",
	523: "the message is longer than the server allows",
	530: "say who you are first, with AUTH, or begin TLS first",
	534: "this way of AUTH is too weak for the server",
	535: "name or password is wrong",
	538: "this way of AUTH needs TLS first",
	550: "the mailbox does not exist, or the server will not take mail for it from you",
	551: "the recipient is elsewhere, and this server does not pass the message on",
	552: "the message is too large, or the mailbox full",
	553: "the address is not allowed",
	554: "the transaction failed",
	555: "the server does not know a parameter of MAIL or RCPT",
	556: "the domain takes no mail",
}

// statusWords explains enhanced status codes by what follows the first digit
// (RFC 3463 §3).
var statusWords = map[string]string{
	".1.0":  "something about the address",
	".1.1":  "the mailbox: the part before the @",
	".1.2":  "the domain: the part after the @",
	".1.3":  "the form of the recipient's address",
	".1.7":  "the form of the sender's address",
	".1.8":  "the sender's domain",
	".1.10": "the domain says that it takes no mail",
	".2.1":  "the mailbox is switched off",
	".2.2":  "the mailbox is full",
	".3.0":  "something within the mail system",
	".3.2":  "the system takes no messages at the moment",
	".3.4":  "the message is too large for the system",
	".4.1":  "the other host does not answer",
	".4.3":  "the name servers",
	".4.7":  "the time to deliver has run out",
	".5.0":  "something about the protocol",
	".5.1":  "the command: unknown or at the wrong time",
	".5.2":  "the syntax",
	".5.3":  "too many recipients",
	".5.4":  "the command's arguments",
	".6.0":  "the content or its form",
	".6.7":  "an address beyond ASCII, without SMTPUTF8",
	".7.0":  "security",
	".7.1":  "not permitted: a server does not pass on mail of strangers to strangers",
	".7.8":  "name or password is wrong",
}

var ehloWords = map[string]string{
	"8BITMIME":            "bytes above 127 may stand in the text",
	"AUTH":                "ways to prove who you are",
	"BINARYMIME":          "the message need not consist of lines",
	"CHUNKING":            "BDAT sends a message in counted pieces, without a dot at the end",
	"DELIVERBY":           "a time can be set for the delivery",
	"DSN":                 "delivery reports can be asked for",
	"ENHANCEDSTATUSCODES": "replies carry a second code, such as 5.1.1",
	"ETRN":                "a waiting queue can be asked for",
	"HELP":                "HELP explains",
	"LIMITS":              "how much the server takes in one go",
	"PIPELINING":          "commands may be sent without waiting for each reply",
	"REQUIRETLS":          "a message can demand TLS on all of its way",
	"SIZE":                "the largest message in bytes",
	"SMTPUTF8":            "addresses may be written in any script",
	"STARTTLS":            "the connection can be encrypted",
	"VRFY":                "VRFY asks for an address",
}
