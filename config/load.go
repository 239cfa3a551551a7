package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"glassmail/spelling"
)

// Load reads a file over the defaults. The error names file, line and column,
// and for an unknown key the nearest one that exists. It does not Validate.
func Load(file string) (Config, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	return Parse(file, b)
}

// Parse reads text as if it were the content of a file.
func Parse(file string, text []byte) (Config, error) {
	c := Default()
	d := toml.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&c)
	var strict *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case err == nil:
		return c, nil
	case errors.As(err, &strict):
		return c, unknownKeys(file, strict)
	case errors.As(err, &wrong):
		line, col := wrong.Position()
		return c, fmt.Errorf("%s:%d:%d: %s%s\n%s", file, line, col, strings.TrimPrefix(wrong.Error(), "toml: "), changed(strings.Join(wrong.Key(), ".")), wrong.String())
	}
	return c, fmt.Errorf("%s: %w", file, err)
}

// changed tells how a key is written that once was written otherwise.
func changed(key string) string {
	if key == "tls.plain_login" {
		return `; write the networks from which passwords are taken without TLS, as ["192.0.2.0/24"], or leave the key out: from this machine they always are`
	}
	return ""
}

func unknownKeys(file string, strict *toml.StrictMissingError) error {
	keys := Keys()
	var all []error
	for i := range strict.Errors {
		e := &strict.Errors[i]
		line, col := e.Position()
		key := strings.Join(e.Key(), ".")
		all = append(all, fmt.Errorf("%s:%d:%d: there is no key %q; did you mean %q?", file, line, col, key, nearest(key, keys)))
	}
	return errors.Join(all...)
}

// Keys lists every key, dotted, in the order of the struct.
func Keys() []string { return keysOf(reflect.TypeFor[Config](), "") }

func keysOf(t reflect.Type, prefix string) []string {
	var out []string
	for f := range t.Fields() {
		name := prefix + f.Tag.Get("toml")
		if f.Type.Kind() == reflect.Struct {
			out = append(out, keysOf(f.Type, name+".")...)
			continue
		}
		out = append(out, name)
	}
	return out
}

// nearest is the candidate with the smallest edit distance; among equals the
// first. The last part of a key counts by itself too, so that a key in the wrong
// section finds its place.
func nearest(key string, candidates []string) string {
	best, least := "", 1<<30
	for _, c := range candidates {
		d := min(2*spelling.Distance(key, c), 2*spelling.Distance(lastPart(key), lastPart(c))+1)
		if d < least {
			best, least = c, d
		}
	}
	return best
}

func lastPart(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }
