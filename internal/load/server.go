package load

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// Server is a TCP server on loopback with a goroutine for each connection.
type Server struct {
	listener net.Listener
	all      sync.WaitGroup
}

// NewServer serves whoever connects, and closes each connection when serve is done with it.
func NewServer(ctx context.Context, serve func(net.Conn)) (*Server, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	s := &Server{listener: l}
	s.all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.all.Go(func() {
				defer func() { _ = conn.Close() }()
				serve(conn)
			})
		}
	})
	return s, nil
}

// Addr is where it listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close takes no further connection and waits until those that there are have ended
// by themselves.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.all.Wait()
}
