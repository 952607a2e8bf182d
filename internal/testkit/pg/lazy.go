package pg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Lazy is the server of a test binary, which its TestMain closes. The zero value is
// one that was not asked for yet.
type Lazy struct {
	mu       sync.Mutex
	server   *Server
	err      error
	skipped  int
	database int
}

// Server is the server. Without a PostgreSQL on this machine the test is skipped,
// aloud.
func (l *Lazy) Server(tb testing.TB) *Server {
	tb.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server == nil && l.err == nil {
		l.server, l.err = New(context.WithoutCancel(tb.Context()))
	}
	if errors.Is(l.err, ErrNotInstalled) {
		l.skipped++
		tb.Skipf("%v: %d tests skipped", l.err, l.skipped)
	}
	if l.err != nil {
		tb.Fatal(l.err)
	}
	return l.server
}

// Database is the URL of a new database with nothing in it, which is dropped after
// the test.
func (l *Lazy) Database(tb testing.TB) string {
	tb.Helper()
	server := l.Server(tb)
	l.mu.Lock()
	l.database++
	name := fmt.Sprintf("test_%d", l.database)
	l.mu.Unlock()
	if err := server.do(tb.Context(), "CREATE DATABASE "+name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if server.process == nil {
			return
		}
		if err := server.do(context.WithoutCancel(tb.Context()), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			tb.Error(err)
		}
	})
	return server.URL(name)
}

// Name is the database of a URL.
func Name(of string) string {
	u, err := url.Parse(of)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(u.Path, "/")
}

// Close ends the server, if there is one, and says on w how many tests had none.
func (l *Lazy) Close(w io.Writer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.skipped > 0 {
		_, err := fmt.Fprintf(w, "%v: %d tests skipped\n", l.err, l.skipped)
		return err
	}
	if l.server == nil {
		return nil
	}
	return l.server.Close()
}
