package dns

// Difference is what an edit changed in a zone.
type Difference struct {
	Zone    string
	Added   []Record
	Removed []Record
}

// String is the difference as lines with + and - in front.
func (d Difference) String() string {
	s := d.Zone + "\n"
	for _, r := range d.Removed {
		s += "- " + r.String() + "\n"
	}
	for _, r := range d.Added {
		s += "+ " + r.String() + "\n"
	}
	return s
}

// CompareZones tells what is different between two versions of a zone, keys,
// denial records and signatures left out.
func CompareZones(old, now *Zone) Difference {
	d := Difference{Zone: now.origin}
	before, after := map[string]bool{}, map[string]bool{}
	for _, r := range old.Unsigned() {
		before[r.String()] = true
	}
	for _, r := range now.Unsigned() {
		after[r.String()] = true
		if !before[r.String()] {
			d.Added = append(d.Added, r)
		}
	}
	for _, r := range old.Unsigned() {
		if !after[r.String()] {
			d.Removed = append(d.Removed, r)
		}
	}
	return d
}
