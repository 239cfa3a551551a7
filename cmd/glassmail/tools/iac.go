package tools

// Bytes of the TELNET protocol (RFC 854, RFC 855).
const (
	telSE   = 240 // end of a subnegotiation
	telSB   = 250 // subnegotiation
	telWILL = 251
	telWONT = 252
	telDO   = 253
	telDONT = 254
	telIAC  = 255 // what follows is a command
)

// iac takes TELNET commands out of a stream. Servers of mail send none; a real
// TELNET server offers options, and each of them is declined.
type iac struct {
	state byte // 0 in text; telIAC, a verb, telSB, or telSE for IAC within a subnegotiation
}

// filter returns the text of in and what is to be answered.
func (c *iac) filter(in []byte) (text, answer []byte) {
	for _, b := range in {
		switch c.state {
		case 0:
			if b == telIAC {
				c.state = telIAC
			} else {
				text = append(text, b)
			}
		case telIAC:
			c.state = 0
			switch b {
			case telIAC:
				text = append(text, b)
			case telSB, telWILL, telWONT, telDO, telDONT:
				c.state = b
			}
		case telSB:
			if b == telIAC {
				c.state = telSE
			}
		case telSE:
			c.state = telSB
			if b == telSE {
				c.state = 0
			}
		case telDO: // RFC 854: DO is declined with WONT, WILL with DONT
			c.state = 0
			answer = append(answer, telIAC, telWONT, b)
		case telWILL:
			c.state = 0
			answer = append(answer, telIAC, telDONT, b)
		default: // WONT and DONT need no answer
			c.state = 0
		}
	}
	return text, answer
}
