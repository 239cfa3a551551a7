// Package dns is the name system: the words on the wire, the servers that own
// names and the resolver that finds them.
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
//   - Lecture builds the hierarchy of the course: root, top-level domains, the
//     zones of the examples, and who serves what at which address.
//   - Dig and NSLookup are the two programs of those names, as functions.
//
// Network and time are reached through a wire.Host only. Each datagram and each
// step of a walk becomes a trace.Event.
//
// # What holds at any instant
//
// A record is served from the cache for at most its TTL. A server is believed
// only about names at or below the zone for which it was asked. One lookup costs
// at most 64 exchanges (maxExchanges), whatever the servers answer.
package dns
