package dns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"glassmail/atomicfile"
)

// LoadZones reads all files of a folder whose names end in .zone, as ReadZoneFile
// does. $INCLUDE reaches files of the folder and below it only, symbolic links
// included. It returns the zones that are right and, joined, an error for each
// file that is not.
func LoadZones(dir string) ([]*Zone, error) {
	loaded, err := loadFolder(dir)
	var zones []*Zone
	for _, l := range loaded {
		if l.zone != nil {
			zones = append(zones, l.zone)
		}
	}
	return zones, err
}

// loadedFile is a zone file and what was in it; zone is nil if it has a fault.
type loadedFile struct {
	name string
	zone *Zone
}

func loadFolder(dir string) ([]loadedFile, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("zone folder: %w", err)
	}
	defer root.Close()
	names, err := zoneFileNames(root.FS())
	if err != nil {
		return nil, fmt.Errorf("zone folder %s: %w", dir, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s holds no zone files: their names end in %s", dir, zoneSuffix)
	}
	from := map[string]string{}
	var out []loadedFile
	var faults []error
	for _, name := range names {
		z, err := ReadZoneFile(root.FS(), name)
		var fe *FileError
		switch {
		case errors.As(err, &fe):
			fe.File = filepath.Join(dir, filepath.FromSlash(fe.File))
		case err == nil && from[z.origin] != "":
			err = fmt.Errorf("%s: the zone %s stands in %s already", filepath.Join(dir, name), z.origin, from[z.origin])
		}
		if err != nil {
			faults = append(faults, err)
			z = nil
		} else {
			from[z.origin] = name
		}
		out = append(out, loadedFile{name, z})
	}
	return out, errors.Join(faults...)
}

func zoneFileNames(fsys fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), zoneSuffix) && !e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// Folder keeps the zones of an Authority in a folder of zone files. It is safe
// for concurrent use.
type Folder struct {
	dir string
	a   *Authority

	mu   sync.Mutex
	file map[string]string // zone → its file
}

// OpenFolder serves the zones of a folder through a, and no others. A fault in a
// file is an error.
func OpenFolder(dir string, a *Authority) (*Folder, error) {
	f := &Folder{dir: dir, a: a, file: map[string]string{}}
	loaded, err := loadFolder(dir)
	if err != nil {
		return nil, err
	}
	f.serve(loaded)
	return f, nil
}

// Reload reads the folder again. Queries that arrive meanwhile are answered from
// the old zones, and from the new ones after one step. A file with a fault keeps
// its old zone in service and is part of the error; a file that is gone takes its
// zone with it; if the folder cannot be read or is empty, nothing changes.
func (f *Folder) Reload() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	loaded, err := loadFolder(f.dir)
	if len(loaded) > 0 {
		f.serve(loaded)
	}
	return err
}

// serve exchanges all zones in one step.
func (f *Folder) serve(loaded []loadedFile) {
	file := map[string]string{}
	var zones []*Zone
	for _, l := range loaded {
		if l.zone != nil {
			zones, file[l.zone.origin] = append(zones, l.zone), l.name
		}
	}
	for _, l := range loaded {
		if l.zone != nil {
			continue
		}
		for origin, name := range f.file {
			if old := f.a.Zone(origin); name == l.name && old != nil && file[origin] == "" {
				zones, file[origin] = append(zones, old), name
			}
		}
	}
	f.a.Replace(zones...)
	f.file = file
}

// Edit changes a zone, writes its file, and serves it in place of the old one. The
// file is written as Zone.WriteTo does, in one step: comments and $INCLUDE lines
// of the old one are gone. Signatures are gone too: sign the file again.
func (f *Folder) Edit(origin string, e Edit) (Difference, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	origin = Canonical(origin)
	old := f.a.Zone(origin)
	if old == nil || f.file[origin] == "" {
		return Difference{}, fmt.Errorf("change %s: no such zone in %s", origin, f.dir)
	}
	z, err := old.Edit(e)
	if err != nil {
		return Difference{}, fmt.Errorf("change %s: %w", origin, err)
	}
	if err := f.write(f.file[origin], z); err != nil {
		return Difference{}, fmt.Errorf("change %s: %w", origin, err)
	}
	f.a.Put(z)
	return CompareZones(old, z), nil
}

// write puts a zone into a file so that a reader sees the old or the new one.
func (f *Folder) write(name string, z *Zone) error {
	file, err := atomicfile.Create(filepath.Join(f.dir, name), 0o644)
	if err != nil {
		return err
	}
	defer file.Discard()
	if _, err := z.WriteTo(file); err != nil {
		return err
	}
	return file.Commit()
}

// Zones lists the zones in service and their files, by name.
func (f *Folder) Zones() []FolderZone {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []FolderZone
	for _, z := range f.a.Zones() {
		if name := f.file[z.origin]; name != "" {
			out = append(out, FolderZone{z, filepath.Join(f.dir, name)})
		}
	}
	return slices.Clip(out)
}

// FolderZone is a zone and the file it came from.
type FolderZone struct {
	*Zone
	File string
}

// CheckFile reads one zone file and looks for faults: those that keep it from
// being served are the error, the usual mistakes are findings. $INCLUDE reaches
// files of its folder.
func CheckFile(name string) (*Zone, []Finding, error) {
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	z, err := ReadZoneFile(root.FS(), filepath.Base(name))
	var fe *FileError
	if errors.As(err, &fe) {
		fe.File = filepath.Join(filepath.Dir(name), filepath.FromSlash(fe.File))
	}
	if err != nil {
		return nil, nil, err
	}
	return z, Lint(z), nil
}
