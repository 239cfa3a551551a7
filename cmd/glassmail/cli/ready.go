package cli

import (
	"encoding/json"
	"fmt"

	"glassmail/atomicfile"
)

// WriteReady writes v as JSON into file, so that a reader sees all of it or
// nothing. An empty name means that nobody waits for it.
func WriteReady(file string, v any) error {
	if file == "" {
		return nil
	}
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	if err := atomicfile.Write(file, append(b, '\n'), atomicfile.Private); err != nil {
		return fmt.Errorf("--ready: %w", err)
	}
	return nil
}
