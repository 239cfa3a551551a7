package main

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"glassmail/config"
	"glassmail/dns"
	"glassmail/server"
	"glassmail/trace"
	"glassmail/wire"
)

// startInProcess runs a node in this process, where it can be profiled. The
// figures of its processor time and memory contain those of the load.
func startInProcess(ctx context.Context, p place) (*subject, error) {
	c := config.Default()
	c.Domains, c.Data = []string{"hamburger.edu"}, filepath.Join(p.dir, "data")
	c.Listen = config.Listen{SMTP: []string{"127.0.0.1:0"}}
	c.Limits.Connections, c.Limits.ConnectionsPerAddress = p.connections+50, p.connections+50
	resolver, err := dns.NewStub(dns.StubOptions{Host: wire.OS{}, Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9")}})
	if err != nil {
		return nil, err
	}
	n, err := server.New(ctx, server.Options{
		Config: c, Host: wire.OS{}, Resolver: resolver, Trace: trace.NewLog(nullTrace, time.Now),
		Users: map[string]string{"bob@hamburger.edu": "bob"},
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	return &subject{
		name: glassmailName, addr: n.Addrs("smtp")[0], data: c.Data, group: &group{root: os.Getpid()},
		delivered: func(ctx context.Context) (int, error) { return inbox(ctx, p.program, c.Data) },
		stop: func() error {
			cancel()
			return <-ended
		},
	}, nil
}

// profile writes profiles of this process from now until the returned function
// is called. An empty name means none.
func profile(cpuFile, memFile string) (stop func() error, err error) {
	var cpu *os.File
	if cpuFile != "" {
		if cpu, err = os.Create(cpuFile); err != nil {
			return nil, err
		}
		if err := pprof.StartCPUProfile(cpu); err != nil {
			return nil, errors.Join(err, cpu.Close())
		}
	}
	return func() error {
		var err error
		if cpu != nil {
			pprof.StopCPUProfile()
			err = cpu.Close()
		}
		if memFile == "" {
			return err
		}
		mem, e := os.Create(memFile)
		if e != nil {
			return errors.Join(err, e)
		}
		return errors.Join(err, pprof.Lookup("allocs").WriteTo(mem, 0), mem.Close())
	}, nil
}
