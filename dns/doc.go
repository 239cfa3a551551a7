// Package dns reads and writes messages of the name system, answers from zones, and
// finds names by asking from the root down, with a cache and DNSSEC.
//
// # What is here
//
//   - Message and Record are one datagram and one resource record; Pack, Unpack.
//   - Zone is the data of one zone, read from RFC 1035 master text and never
//     changed afterwards: an edit makes a new Zone. Authority answers from a set
//     of zones that can be exchanged while queries arrive.
//   - Resolver finds a name by asking from the root down and keeps what it
//     learned in a Cache until the TTL is over. Stub asks one recursive server.
//     Both offer the lookups that mail needs with the signatures of net.Resolver.
//   - Recursive is the service of a local name server on top of a Resolver.
//   - Keys sign a Zone; a Resolver with trust anchors checks the signatures.
//
// dns/dissect takes a message apart byte by byte, dns/tool has dig and nslookup, and
// lab/lesson the hierarchy of the course with its registrar, races and faults.
//
// Network and time are reached through a wire.Host only. Each datagram and each
// step of a walk becomes a trace.Event.
//
// # What holds at any instant
//
// A record is served from the cache for at most its TTL. A server is believed
// only about names at or below the zone for which it was asked.
//
// # What one lookup can cost, whatever the servers answer
//
// The bounds hold for all that a lookup causes: referrals, aliases, addresses of
// name servers, keys and proofs.
//
//	64 exchanges             256 messages sent: a query, one without EDNS, each again over TCP
//	20 seconds               2 for one message
//	20 referrals, 10 aliases for one name
//	4 levels                 of looking for the addresses of name servers, 3 servers of each zone
//	128 signatures computed  8 for one set; zones with more than 32 keys are not believed
//	16 NSEC records          of one reply are looked at; 100 rounds of NSEC3 hashing
//	65,535 bytes             of one reply
//
// Lookups of the same name at the same time are one. A server (package dnsd) lets
// 512 queries wait at once and drops more, and answers 2,000 a second from one
// address.
//
// Files, in the order in which to read them:
//
//	name.go          names
//	type.go          types of records
//	record.go        a resource record
//	message.go       a message
//	client.go        one query to one server, over UDP or TCP
//	stub.go          asks local name servers, as hosts do
//	zone.go          the data of a zone
//	zonefile.go      master files (RFC 1035 §5)
//	folder.go        a folder of zone files
//	edit.go          changes of a zone
//	difference.go    what an edit has changed
//	lint.go          what looks like a mistake in a zone
//	handler.go       a query at a server, and who answers it
//	authority.go     answers from zones of its own
//	lookup.go        finds a name in a zone; CNAME
//	dname.go         DNAME (RFC 6672)
//	any.go           ANY over UDP (RFC 8482)
//	packets.go       packed replies that are given again
//	transfer.go      AXFR (RFC 5936)
//	secondary.go     keeps a copy of a zone
//	resolver.go      searches on behalf of others, and its bounds
//	lookups.go       lookups of one name at one time are one
//	walk.go          one lookup from the root down
//	ask.go           one question on that way
//	learn.go         referrals and what they teach
//	targets.go       which server to ask first
//	cache.go, ttl.go what is kept, and for how long
//	recursive.go     the handler of a local name server
//	chain.go         servers that search on for each other
//	switches.go      ways of searching that lessons change
//	sign.go          signs a zone
//	signature.go     checks a signature
//	denial.go, denial3.go  proofs that something is not there: NSEC, NSEC3
//	validate.go      the chain of trust for one answer
//	trust.go         keys from a trust anchor down
package dns
