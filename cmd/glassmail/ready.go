package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// writeReady writes v as JSON into file, so that a reader sees all of it or
// nothing. An empty name means that nobody waits for it.
func writeReady(file string, v any) error {
	if file == "" {
		return nil
	}
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	tmp := file + ".new"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("--ready: %w", err)
	}
	if err := os.Rename(tmp, file); err != nil {
		return fmt.Errorf("--ready: %w", err)
	}
	return nil
}

// spaced is host:port as telnet wants it.
func spaced(addr string) string { return strings.Replace(addr, ":", " ", 1) }
