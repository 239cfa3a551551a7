package lab

import (
	"context"
	"io/fs"
	"net/netip"
	"time"

	"glassmail/control"
	"glassmail/dns"
	"glassmail/lab/lesson"
)

// ZoneInfo is one zone of a running lab.
type ZoneInfo struct {
	Zone    string           `json:"zone"`
	Serial  uint32           `json:"serial"`
	Records int              `json:"records"` // keys, denial records and signatures left out
	Signed  bool             `json:"signed"`
	Servers []string         `json:"servers"`
	Fault   lesson.ZoneFault `json:"fault"` // "none", or what a lesson broke
}

// ZoneChange is what an edit or a registration made of a zone.
type ZoneChange struct {
	Zone     string   `json:"zone"`
	Serial   uint32   `json:"serial"`
	Added    []string `json:"added"`    // records in master format
	Removed  []string `json:"removed"`  //
	Findings []string `json:"findings"` // what looks like a mistake in the zone as it is now
}

// EditWay is what ZoneEdit does with its records.
type EditWay string

// The ways of an edit.
const (
	AddRecords    EditWay = "add"    // beside what is there
	RemoveRecords EditWay = "remove" // each must be there
	SetRecords    EditWay = "set"    // in place of all others of their name and type
	LoadZone      EditWay = "load"   // Records is one text, the whole zone
)

// ZoneEdit asks for a change of one zone, made as a whole or not at all.
type ZoneEdit struct {
	Zone    string   `json:"zone"`
	Way     EditWay  `json:"way"`
	Records []string `json:"records"` // lines of master text, relative to the zone
	File    string   `json:"file"`    // LoadZone: name for errors
}

// Registration asks the registrar for something.
type Registration struct {
	Domain  string           `json:"domain"`
	Owner   string           `json:"owner"`
	Servers []dns.NameServer `json:"servers,omitempty"`
	DS      bool             `json:"ds,omitempty"` // vouch for the domain's key too
	To      string           `json:"to,omitempty"` // transfer: the new owner
	Release bool             `json:"release,omitempty"`
}

// Registered is what the registrar did.
type Registered struct {
	ZoneChange
	Owner string `json:"owner"` // "" after a release
}

// Switching changes some of the ways of the local name server; nil leaves one as
// it is.
type Switching struct {
	Mode      *dns.Mode        `json:"mode,omitempty"`
	ForwardTo []netip.AddrPort `json:"forwardTo,omitempty"` // for the mode "forward"; none is the lab's second one
	Minimise  *bool            `json:"minimise,omitempty"`
	Validate  *bool            `json:"validate,omitempty"`
	IDBits    *int             `json:"idBits,omitempty"`
	FixedPort *uint16          `json:"fixedPort,omitempty"`
}

// WalkRequest asks for the picture of one search, made with a cache of its own.
type WalkRequest struct {
	Name      string   `json:"name"`
	Type      dns.Type `json:"type"`
	Recursive bool     `json:"recursive"` // the servers search on for each other
	Again     bool     `json:"again"`     // a second time, with what the first taught
	Validate  bool     `json:"validate"`  // check signatures
	Minimise  bool     `json:"minimise"`  // tell each server no more of the name than it needs
	ViaUmass  bool     `json:"viaUmass"`  // meanwhile the server of edu does not serve umass.edu: one more server on the way to cs.umass.edu
}

// WalkPicture is one search.
type WalkPicture struct {
	Messages int            `json:"messages"`
	Took     time.Duration  `json:"took"` // in nanoseconds
	Arrows   []lesson.Arrow `json:"arrows"`
	Answer   []string       `json:"answer"`          // records
	Error    string         `json:"error,omitempty"` // why there is no answer
}

// NamesClient speaks with the names of a running lab.
type NamesClient struct{ c *control.Client }

// DialNames finds the running lab that wrote the control file. It is
// fs.ErrNotExist if none runs.
func DialNames(file string) (*NamesClient, error) {
	if file == "" {
		return nil, fs.ErrNotExist
	}
	c, err := control.Dial(file, "the running lab")
	if err != nil {
		return nil, err
	}
	return &NamesClient{c}, nil
}

// Cache lists what the local name server knows at and below name; "" is all.
func (n *NamesClient) Cache(ctx context.Context, name string) (out []dns.Entry, err error) {
	err = n.c.Call(ctx, "cache", name, &out, nil)
	return out, err
}

// Flush makes the local name server forget what it knows at and below name, ""
// being all, and returns how many entries went.
func (n *NamesClient) Flush(ctx context.Context, name string) (gone int, err error) {
	err = n.c.Call(ctx, "flush", name, &gone, nil)
	return gone, err
}

// Zones lists the zones, root first.
func (n *NamesClient) Zones(ctx context.Context) (out []ZoneInfo, err error) {
	err = n.c.Call(ctx, "zones", nil, &out, nil)
	return out, err
}

// Zone is a zone as master text; signatures says whether with keys, denial
// records and signatures.
func (n *NamesClient) Zone(ctx context.Context, zone string, signatures bool) (text string, err error) {
	err = n.c.Call(ctx, "zone", zoneRequest{zone, signatures}, &text, nil)
	return text, err
}

// Edit changes a zone.
func (n *NamesClient) Edit(ctx context.Context, e ZoneEdit) (out ZoneChange, err error) {
	err = n.c.Call(ctx, "edit", e, &out, nil)
	return out, err
}

// Register enters a domain into the zone above it, changes its servers, or gives
// it back.
func (n *NamesClient) Register(ctx context.Context, r Registration) (out Registered, err error) {
	err = n.c.Call(ctx, "register", r, &out, nil)
	return out, err
}

// Transfer gives a domain to r.To.
func (n *NamesClient) Transfer(ctx context.Context, r Registration) error {
	return n.c.Call(ctx, "transfer", r, nil, nil)
}

// Break makes a fault in a zone, or repairs all with dns.NoFault.
func (n *NamesClient) Break(ctx context.Context, zone string, f lesson.ZoneFault) error {
	return n.c.Call(ctx, "break", breakRequest{zone, f}, nil, nil)
}

// Switches tells the ways of the local name server.
func (n *NamesClient) Switches(ctx context.Context) (out dns.Switches, err error) {
	err = n.c.Call(ctx, "switches", nil, &out, nil)
	return out, err
}

// Switch changes some of them and returns them all.
func (n *NamesClient) Switch(ctx context.Context, s Switching) (out dns.Switches, err error) {
	err = n.c.Call(ctx, "switch", s, &out, nil)
	return out, err
}

// Anchors is the keys of the lab's root, as records.
func (n *NamesClient) Anchors(ctx context.Context) (out []string, err error) {
	err = n.c.Call(ctx, "anchors", nil, &out, nil)
	return out, err
}

// Walk searches for a name and returns the picture; with Again a second one.
func (n *NamesClient) Walk(ctx context.Context, w WalkRequest) (out []WalkPicture, err error) {
	err = n.c.Call(ctx, "walk", w, &out, nil)
	return out, err
}

// Race lets a forger race the server of a zone. p is told the rounds.
func (n *NamesClient) Race(ctx context.Context, r RaceRequest, p control.Progress) (out RaceOutcome, err error) {
	err = n.c.Call(ctx, "race", r, &out, p)
	return out, err
}

// Flood floods the lab's root servers.
func (n *NamesClient) Flood(ctx context.Context, f FloodRequest) (out lesson.FloodResult, err error) {
	err = n.c.Call(ctx, "flood", f, &out, nil)
	return out, err
}

type zoneRequest struct {
	Zone       string `json:"zone"`
	Signatures bool   `json:"signatures"`
}

type breakRequest struct {
	Zone  string           `json:"zone"`
	Fault lesson.ZoneFault `json:"fault"`
}
