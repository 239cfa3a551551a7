package message

import "strings"

// mailboxCost is what an address costs beside its texts.
const mailboxCost = 64

// addresses reads an address list (RFC 5322 §3.4, §4.4) and adds what it finds.
func addresses(to *[]Address, v string, left *budget) {
	p := addressList{lexer: lexer{s: v}, out: to, left: left}
	for !p.end() {
		p.item()
	}
	p.bare()
	p.endGroup()
}

// AddressList reads the value of an address field, as scanning does, up to
// MaxHeaderSize of it.
func AddressList(v string) []Address {
	var out []Address
	addresses(&out, v[:min(len(v), MaxHeaderSize)], &budget{left: MaxHeaderSize * mailboxCost})
	return out
}

// addressList reads one list. An item collects words until it becomes clear what
// they are: the name before an <address>, the name of a group, or an address
// without brackets.
type addressList struct {
	lexer
	words []string
	at    int // 1 + index of the "@" in words, 0 if there is none
	group bool
	full  bool // no room for more
	out   *[]Address
	left  *budget
}

func (p *addressList) item() {
	p.space()
	switch p.peek() {
	case ',':
		p.i++
		p.bare()
	case ';':
		p.i++
		p.bare()
		p.endGroup()
	case ':':
		p.i++
		p.beginGroup()
	case '<':
		p.i++
		p.bracketed()
	case '"':
		p.words = append(p.words, p.quoted())
	case '@':
		p.i++
		p.words = append(p.words, "@")
		if p.at == 0 {
			p.at = len(p.words)
		}
	case '[':
		p.words = append(p.words, p.literal())
	default:
		if w := p.word(); w != "" {
			p.words = append(p.words, w)
		}
	}
}

// word reads an atom with its dots, an encoded word as a whole, with whatever
// people put into it, or else skips one byte.
func (p *addressList) word() string {
	start := p.i
	if _, _, _, n := splitWord(p.s[p.i:]); n > 0 {
		p.i += n
		return p.s[start:p.i]
	}
	for !p.end() && isWord(p.s[p.i]) {
		p.i++
	}
	if p.i == start && !p.end() {
		p.i++
		return ""
	}
	return p.s[start:p.i]
}

func isWord(c byte) bool {
	return c > ' ' && c != 0x7f && strings.IndexByte(`()<>[]:;@\,"`, c) < 0
}

// literal reads a domain literal with its brackets.
func (p *addressList) literal() string {
	start := p.i
	for !p.end() {
		p.i++
		if p.s[p.i-1] == ']' {
			break
		}
	}
	return p.s[start:p.i]
}

// bracketed reads what follows a "<"; the words so far are the name.
func (p *addressList) bracketed() {
	name := p.phrase(p.words)
	p.reset()
	p.space()
	if p.peek() == '@' { // RFC 5322 §4.4: obs-route
		p.skipTo(':', '>')
		p.accept(':')
		p.space()
	}
	for !p.end() && p.peek() != '>' {
		switch p.peek() {
		case ',', ';': // the ">" is missing
			p.angle(name)
			return
		case ':', '<':
			p.i++
		default:
			p.item()
		}
		p.space()
	}
	p.accept('>')
	p.angle(name)
}

// angle adds the address whose words were read between brackets.
func (p *addressList) angle(name string) {
	if len(p.words) == 0 && name == "" {
		return
	}
	local, domain := strings.Join(p.words, ""), ""
	if p.at > 0 {
		local = strings.Join(p.words[:p.at-1], "")
		domain = p.domain()
	}
	p.add(name, local, domain)
	p.reset()
	// A comment behind the address is not its name any more.
	p.skipTo(',', ';')
}

// bare adds the words so far as an address without brackets. Its name is the
// comment beside it, as people wrote it once (RFC 5322 §3.4, note), or the words
// in front of it.
func (p *addressList) bare() {
	comment := p.comment
	p.comment = ""
	if len(p.words) == 0 {
		return
	}
	if p.at == 0 {
		p.add(comment, p.phrase(p.words), "")
		p.reset()
		return
	}
	first := max(p.at-2, 0) // first word of the local part
	for first > 0 && dotted(p.words[first-1], p.words[first]) {
		first--
	}
	name := p.phrase(p.words[:first])
	if name == "" {
		name = comment
	}
	p.add(name, strings.Join(p.words[first:p.at-1], ""), p.domain())
	p.reset()
}

// domain is what follows the "@", with the obsolete blanks around dots removed.
func (p *addressList) domain() string {
	end := p.at
	for end < len(p.words) && (end == p.at || dotted(p.words[end-1], p.words[end])) {
		end++
	}
	return strings.Join(p.words[p.at:end], "")
}

// dotted reports two words that a dot joins (RFC 5322 §4.4).
func dotted(a, b string) bool { return strings.HasSuffix(a, ".") || strings.HasPrefix(b, ".") }

// phrase puts words together as a name.
func (p *addressList) phrase(words []string) string {
	if p.at == 0 || p.at > len(words) {
		return strings.Join(words, " ")
	}
	return strings.Join(words[:p.at-1], " ") + "@" + strings.Join(words[p.at:], " ")
}

func (p *addressList) reset() {
	p.words, p.at = p.words[:0], 0
}

func (p *addressList) beginGroup() {
	if p.group || p.at > 0 || len(p.words) == 0 {
		return // a colon out of place
	}
	if name := p.phrase(p.words); name != "" && p.put(Address{Local: name}) {
		p.group = true
	}
	p.reset()
	p.comment = ""
}

// endGroup adds the mark at the end of a group. There is always room for it.
func (p *addressList) endGroup() {
	if p.group {
		*p.out = append(*p.out, Address{})
		p.group = false
	}
}

func (p *addressList) add(name, local, domain string) {
	if local == "" {
		local = MissingLocal
	}
	if domain == "" {
		domain = MissingDomain
	}
	p.put(Address{name, local, domain})
}

func (p *addressList) put(m Address) bool {
	if p.full || !p.left.take(mailboxCost+len(m.Name)+len(m.Local)+len(m.Domain)) {
		p.full = true
		return false
	}
	if len(p.s) > 4<<10 {
		m = Address{strings.Clone(m.Name), strings.Clone(m.Local), strings.Clone(m.Domain)}
	}
	*p.out = append(*p.out, m)
	return true
}
