package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"glassmail/config"
)

// DefaultConfigFile is read when it is there and no --config says otherwise.
const DefaultConfigFile = "glassmail.toml"

// LoadConfig reads a file, without a name the default one if it is there, and the
// environment, which goes before it.
func LoadConfig(file string) (config.Config, error) {
	conf, err := config.Load(cmp.Or(file, DefaultConfigFile))
	if file == "" && errors.Is(err, fs.ErrNotExist) {
		conf, err = config.Default(), nil
	}
	if err != nil {
		return conf, err
	}
	return conf, config.Environment(&conf, os.Environ())
}

// Data are the flags of all commands that work on a node's data.
type Data struct {
	File, Dir string
	JSON      bool
}

// Flags adds them. list says that the command prints a list.
func (d *Data) Flags(cmd *cobra.Command, list bool) {
	f := cmd.Flags()
	f.StringVar(&d.File, "config", "", "configuration `FILE` (default glassmail.toml, if it is there)")
	f.StringVar(&d.Dir, "data", "", "the node's data folder, `DIR` (default that of the configuration, ./glassmail-data)")
	if list {
		f.BoolVar(&d.JSON, "json", false, "print JSON")
	}
}

// Config is the node's configuration, with the folder that was named.
func (d *Data) Config() (config.Config, error) {
	conf, err := LoadConfig(d.File)
	if err != nil {
		return conf, Wrong("%w", err)
	}
	conf.Data = cmp.Or(d.Dir, conf.Data)
	return conf, nil
}

// Print writes v as JSON, or lets table write it.
func (d *Data) Print(w io.Writer, v any, table func(io.Writer)) error {
	if !d.JSON {
		table(w)
		return nil
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(v)
}
