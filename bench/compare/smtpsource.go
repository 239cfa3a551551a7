package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"time"
)

// smtpSource is Postfix's own load generator. It tells no times of single
// messages, cannot pipeline, and sends a number of messages, not for a time.
const smtpSource = "smtp-source"

// sourceArgs are smtp-source's for a load. Its -l does not count the header
// that it adds.
func sourceArgs(addr string, l load) []string {
	args := []string{
		"-s", strconv.Itoa(l.connections), "-m", strconv.Itoa(l.messages), "-l", strconv.Itoa(l.size),
		"-M", "crepes.fr", "-f", "alice@crepes.fr", "-t", "bob@hamburger.edu",
	}
	if l.perConn > 1 {
		args = append(args, "-d")
	}
	return append(args, addr)
}

// sendBySource sends l.messages.
func sendBySource(ctx context.Context, addr string, l load) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, l.duration*3+longestAnswer)
	defer cancel()
	began := time.Now()
	cmd := exec.CommandContext(ctx, smtpSource, sourceArgs(addr, l)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return outcome{}, fmt.Errorf("%s: %w\n%s", smtpSource, err, out)
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return outcome{accepted: l.messages, took: time.Since(began), cpu: cpu}, nil
}
