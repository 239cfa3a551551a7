package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"glassmail/config"
	"glassmail/server"
)

// data are the flags of all commands that work on a node's data.
type data struct {
	file, dir string
	json      bool
}

// flags adds them. list says that the command prints a list.
func (d *data) flags(cmd *cobra.Command, list bool) {
	f := cmd.Flags()
	f.StringVar(&d.file, "config", "", "configuration `FILE` (default glassmail.toml, if it is there)")
	f.StringVar(&d.dir, "data", "", "the node's data folder, `DIR` (default that of the configuration, ./glassmail-data)")
	if list {
		f.BoolVar(&d.json, "json", false, "print JSON")
	}
}

func (d *data) config() (config.Config, error) {
	conf, err := loadConfig(d.file)
	if err != nil {
		return conf, usage("%w", err)
	}
	override(&conf.Data, d.dir)
	return conf, nil
}

// with runs work on the running node, or on its files when it is stopped. Only a
// command that creates may make the folder.
func (d *data) with(creates bool, work func(server.Admin) error) error {
	conf, err := d.config()
	if err != nil {
		return err
	}
	a, err := server.DialControl(conf.Data)
	if err == nil {
		return work(a)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(conf.Data); err != nil && !creates {
		return fmt.Errorf("there is no node's data in %s; name its folder with --data: %w", conf.Data, err)
	}
	s, err := server.OpenStore(&conf, time.Now)
	if err != nil {
		return err
	}
	return errors.Join(work(server.NewAdmin(s, time.Now)), s.Close())
}

// print writes v as JSON, or lets table write it.
func (d *data) print(w io.Writer, v any, table func(io.Writer)) error {
	if !d.json {
		table(w)
		return nil
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(v)
}
