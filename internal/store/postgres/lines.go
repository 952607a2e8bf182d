package postgres

import (
	"context"
	"net"
	"sync"
)

// lines are the connections that there are. The driver takes leave of a server that
// it gave a query up of, and waits a quarter of a minute for it: one that is silent is
// cut off.
type lines struct {
	mu   sync.Mutex // guards what follows
	open map[*line]bool
	cut  bool
}

// line is a connection that is on the list until it is closed.
type line struct {
	net.Conn

	of *lines
}

// Close takes it off the list.
func (c *line) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// dialer connects as dial does, and lists what it makes.
func (l *lines) dialer(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c := &line{conn, l}
		l.mu.Lock()
		cut := l.cut
		if !cut {
			l.open[c] = true
		}
		l.mu.Unlock()
		if cut {
			_ = conn.Close()
			return nil, net.ErrClosed
		}
		return c, nil
	}
}

// cutAll closes all connections; there are none from then on.
func (l *lines) cutAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for c := range l.open {
		_ = c.Conn.Close()
	}
}
