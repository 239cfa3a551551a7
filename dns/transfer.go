package dns

// transfer answers AXFR: the whole zone between two copies of its SOA record
// (RFC 5936 §2.2). It is given over TCP only, to whom the owner of the server
// allows it. IXFR gets the whole zone too, which RFC 1995 §4 permits.
func (a *Authority) transfer(r *Request, name string, t Type) *Message {
	z := a.Zone(name)
	if z == nil || a.allow == nil || !a.allow(r) {
		return r.NewReply(Refused)
	}
	m := r.NewReply(NoError)
	m.m.Authoritative = true
	soa := z.rrs(true)[:1]
	if !r.TCP {
		if t == TypeIXFR { // RFC 1995 §2: the SOA alone says "ask over TCP"
			m.m.Answer = soa
			return m
		}
		return r.NewReply(Refused)
	}
	m.m.Answer = append(z.rrs(true), soa...)
	return m
}
