// Package sockets holds the lecture's socket programs: over UDP and over TCP, a
// client sends a sentence and a server answers it in upper case.
//
// Each program is one file that uses the standard library only. To make a
// program of your own from one, copy the file, name its package main and call
// its function from main; the two servers also need addresses.go. The folder
// python holds the same four programs in Python 3: either kind of client talks
// to either kind of server.
//
// # Which address to listen on
//
// A server on 127.0.0.1:12000 can be reached by programs on the same machine
// only. For a client on another machine it must listen on an address that the
// machine has on a network, or on all of them: 0.0.0.0:12000. The client is
// then told one of the server's addresses on the network; 0.0.0.0 itself is
// nobody's address. The servers print where they can be reached.
package sockets

import "embed"

// Address is where the servers listen and the clients ask unless told otherwise.
const Address = "127.0.0.1:12000"

// Source holds the files of the programs, to be read and copied.
//
//go:embed udp_server.go udp_client.go tcp_server.go tcp_client.go addresses.go python/*.py
var Source embed.FS
