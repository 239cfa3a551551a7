package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/explain"
	"glassmail/pcap"
	"glassmail/trace"
)

// maxStreamLine bounds a line of an event stream, in bytes.
const maxStreamLine = 256 << 10

// pcapFlags are the flags of the command pcap.
type pcapFlags struct {
	live  bool
	file  string
	plain bool
	reader
}

func pcapCommand() *cobra.Command {
	var f pcapFlags
	cmd := &cobra.Command{
		Use:   "pcap FILE | --live",
		Short: "Write what was said as a file for Wireshark",
		Long: `Write what was said as a pcapng file for Wireshark: from a shared file (.jsonl),
or, with --live, from a running lab or node, as it happens.

Addresses, texts and DNS messages are as they were; TCP's handshakes and the
well-known ports 25, 587, 143 and 53 are added. What passed inside TLS is in
clear. Comments on the packets say what each line means.`,
		Example: `  glassmail pcap journey.jsonl -w journey.pcapng
  glassmail pcap --live | wireshark -k -i -
  glassmail pcap --live --lang th -w lecture.pcapng`,
		Args: cobra.MaximumNArgs(1),
	}
	cmd.Flags().BoolVar(&f.live, "live", false, "follow a running lab or node until Ctrl-C")
	f.reader.flags(cmd)
	cmd.Flags().StringVarP(&f.file, "write", "w", "", "`FILE` to write (default: standard output)")
	cmd.Flags().BoolVar(&f.plain, "no-comments", false, "no comments on packets")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if f.live == (len(args) == 1) {
			return cli.Wrong("name a shared file, or say --live")
		}
		for _, flag := range []string{"url", "token-file", "data", "config"} {
			if c.Flags().Changed(flag) && !f.live {
				return cli.Wrong("--%s is for --live", flag)
			}
		}
		return f.run(c, args)
	}
	return cmd
}

// run opens both ends and copies.
func (f *pcapFlags) run(c *cobra.Command, args []string) error {
	lang, err := cli.Language(c)
	if err != nil {
		return err
	}
	o := pcap.Options{Words: explain.New(lang)}
	if f.plain {
		o.Words = nil
	}
	var events []trace.Event
	if !f.live { // before the output is touched
		if events, err = readShare(c.InOrStdin(), args[0]); err != nil {
			return err
		}
	}
	out, closeOut, err := f.output(c.OutOrStdout())
	if err != nil {
		return err
	}
	if f.live {
		err = f.follow(c.Context(), out, o)
	} else {
		err = pcap.Write(out, events, o)
	}
	if errors.Is(err, syscall.EPIPE) { // Wireshark has seen enough
		err = nil
	}
	return errors.Join(err, closeOut())
}

// readShare reads a shared file, "-" from stdin.
func readShare(stdin io.Reader, name string) ([]trace.Event, error) {
	in := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	_, events, err := trace.ReadShare(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return events, nil
}

// output is where the file goes, and what closes it.
func (f *pcapFlags) output(stdout io.Writer) (io.Writer, func() error, error) {
	if f.file != "" && f.file != "-" {
		file, err := createPrivate(f.file)
		if err != nil {
			return nil, nil, err
		}
		return file, file.Close, nil
	}
	if cli.OnTerminal(stdout) {
		return nil, nil, cli.Wrong("a pcapng file is nothing for a terminal: name a file with -w, or pipe into wireshark -k -i -")
	}
	return stdout, func() error { return nil }, nil
}

// createPrivate begins a file that only its owner may read: it will show what
// people wrote, also what was encrypted on its way. It is written in place, so that
// Wireshark can follow it, or be at the other end if it is a pipe.
func createPrivate(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if st, err := file.Stat(); err == nil && st.Mode().IsRegular() {
		if err := file.Chmod(0o600); err != nil && !errors.Is(err, errors.ErrUnsupported) { // one from before
			return nil, errors.Join(err, file.Close())
		}
	}
	return file, nil
}

// follow writes the events of a running lab until ctx ends or the lab does.
func (f *pcapFlags) follow(ctx context.Context, out io.Writer, o pcap.Options) error {
	at, err := f.find(ctx)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.URL+"/api/v1/events", nil)
	if err != nil {
		return cli.Wrong("--url: %w", err)
	}
	if at.Token != "" {
		req.Header.Set("Authorization", "Bearer "+at.Token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("no lab answers (start one with glassmail lab, or name its page with --url): %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		return fmt.Errorf("%s says %s: %s", req.URL.Redacted(), res.Status, bytes.TrimSpace(why))
	}
	w, err := pcap.NewWriter(out, o)
	if err != nil {
		return err
	}
	if err := copyEvents(w, res.Body); err != nil && ctx.Err() == nil {
		return err
	}
	return w.Close()
}

// copyEvents writes the events of a stream as they come, and flushes whenever it
// has to wait for the next.
func copyEvents(w *pcap.Writer, stream io.Reader) error {
	in := bufio.NewReaderSize(stream, maxStreamLine)
	for {
		line, err := in.ReadSlice('\n')
		if err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("event stream: %w", err)
		}
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			var e trace.Event
			if err := json.Unmarshal(data, &e); err != nil {
				return fmt.Errorf("event stream: %w", err)
			}
			if err := w.Event(e); err != nil {
				return err
			}
		}
		if in.Buffered() == 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}
