package main

import (
	"io"
	"log/slog"
	"os/signal"
	"syscall"
	"time"

	"glassmail/maillog"
	"glassmail/trace"
)

// openLog begins what a node writes to stderr: the mail log, from the decisions of
// events, and warnings and errors of its own. None of it ever waits for who reads it,
// and a reader that has gone ends nothing. close comes last.
func openLog(w io.Writer, format string, events *trace.Log, began time.Time) (log *slog.Logger, close func()) {
	signal.Ignore(syscall.SIGPIPE)
	sink := maillog.NewSink(w, maillog.Format(format))
	if format != string(maillog.Off) {
		events.Observe(maillog.New(sink.Handler(), began).Observe)
	}
	return slog.New(sink.Handler()), sink.Close
}
