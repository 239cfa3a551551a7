package main

import "context"

// flushes is what strace saw of one subject.
type flushes struct {
	Subject string `json:"subject"`
}

func (c *comparison) flushes(ctx context.Context) ([]flushes, error) { return nil, nil }

func (r *report) flushTable() table { return table{} }
