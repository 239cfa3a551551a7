package dnscmd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/dns"
	"glassmail/lab"
)

// parseEdit reads the arguments of an edit.
func parseEdit(args []string) (lab.ZoneEdit, error) {
	e := lab.ZoneEdit{Zone: args[0], Way: lab.EditWay(args[1]), Records: args[2:]}
	switch e.Way {
	case lab.AddRecords, lab.RemoveRecords, lab.SetRecords:
		return e, nil
	case lab.LoadZone:
		if len(args) != 3 {
			return e, cli.Wrong("load takes one file")
		}
		e.File, e.Records = args[2], nil
		return e, nil
	}
	return e, cli.Wrong("%s: it may be add, remove, set or load", args[1])
}

// editLab changes a zone of the running lab.
func editLab(c *cobra.Command, e lab.ZoneEdit) (lab.ZoneChange, error) {
	if e.Way == lab.LoadZone {
		text, err := zoneText(c.InOrStdin(), e.File)
		if err != nil {
			return lab.ZoneChange{}, err
		}
		e.Records = []string{text}
	}
	n, err := runningNames()
	if err != nil {
		return lab.ZoneChange{}, err
	}
	return n.Edit(c.Context(), e)
}

// maxZoneText bounds a zone file that is sent to the lab, in bytes.
const maxZoneText = 3 << 20

// zoneText is a whole zone, with what its file includes; "-" is stdin as it is.
func zoneText(stdin io.Reader, file string) (string, error) {
	var b strings.Builder
	var err error
	if file == "-" {
		_, err = io.Copy(&b, io.LimitReader(stdin, maxZoneText+1))
	} else {
		var z *dns.Zone
		if z, _, err = dns.CheckFile(file); err == nil {
			_, err = z.WriteTo(&b)
		}
	}
	if err == nil && b.Len() > maxZoneText {
		err = fmt.Errorf("%s is larger than %d bytes", file, maxZoneText)
	}
	return b.String(), err
}

// editFolder changes a zone file of a folder.
func editFolder(dir string, e lab.ZoneEdit) (lab.ZoneChange, error) {
	if e.Way == lab.LoadZone {
		return lab.ZoneChange{}, cli.Wrong("load --zones: copy %s into %s, and 'glassmail dns serve' reads it", e.File, dir)
	}
	authority := dns.NewAuthority(nil)
	folder, err := dns.OpenFolder(dir, authority)
	if err != nil {
		return lab.ZoneChange{}, err
	}
	z, err := zoneOf(folder, e.Zone)
	if err != nil {
		return lab.ZoneChange{}, err
	}
	change, err := e.Change(z)
	if err != nil {
		return lab.ZoneChange{}, err
	}
	d, err := folder.Edit(z.Origin(), change)
	ch := lab.Changed(authority.Zone(z.Origin()), d)
	if err == nil && len(z.Records()) > len(z.Unsigned()) {
		ch.Findings = append(ch.Findings, "the zone was signed and is not any more: sign the file again")
	}
	return ch, err
}

func zoneOf(f *dns.Folder, name string) (*dns.Zone, error) {
	origin, err := dns.Name(name)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, z := range f.Zones() {
		if z.Origin() == origin {
			return z.Zone, nil
		}
		all = append(all, z.Origin())
	}
	return nil, fmt.Errorf("the folder has no zone %s; it has %s", origin, strings.Join(all, " "))
}

// checkZones reads a file, the zone files of a folder, or else a zone of a running
// lab, and looks for mistakes.
func checkZones(c *cobra.Command, arg string) ([]checkedZone, error) {
	zones, err := openZones(c, arg)
	var out []checkedZone
	for _, z := range zones {
		out = append(out, checkedZone{
			File: arg, Zone: z.Origin(), Serial: z.Serial(), Records: len(z.Unsigned()),
			Findings: append([]dns.Finding{}, dns.Lint(z)...),
		})
	}
	if err != nil {
		out = append(out, checkedZone{File: arg, Findings: []dns.Finding{}, Error: err.Error()})
	}
	return out, err
}

func openZones(c *cobra.Command, arg string) ([]*dns.Zone, error) {
	i, missing := os.Stat(arg)
	switch {
	case errors.Is(missing, fs.ErrNotExist):
		z, err := labZone(c, arg)
		if err != nil {
			return nil, fmt.Errorf("%w; and in the lab: %w", missing, err)
		}
		return []*dns.Zone{z}, nil
	case missing != nil:
		return nil, missing
	case i.IsDir():
		return dns.LoadZones(arg)
	}
	z, _, err := dns.CheckFile(arg)
	if err != nil {
		return nil, err
	}
	return []*dns.Zone{z}, nil
}

func labZone(c *cobra.Command, name string) (*dns.Zone, error) {
	n, err := runningNames()
	if err != nil {
		return nil, err
	}
	text, err := n.Zone(c.Context(), name, false)
	if err != nil {
		return nil, err
	}
	return dns.ReadZone(strings.NewReader(text), "", name)
}
