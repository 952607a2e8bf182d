package app_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loka/stratum/internal/load"
	"github.com/loka/stratum/internal/testkit"
)

// raw is a miner that sends lines as they are written here.
type raw struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// raw connects.
func (r *rig) raw() *raw {
	r.t.Helper()
	c := r.rawFrom(nil)
	if c == nil {
		r.t.Fatal("the connection was refused")
	}
	return c
}

// rawFrom connects from an address of this machine, or from whichever; it is nil where
// the connection was refused before the dial was done.
func (r *rig) rawFrom(ip net.IP) *raw {
	r.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}}
	conn, err := dialer.DialContext(r.t.Context(), "tcp", r.addr)
	switch {
	case errors.Is(err, syscall.ECONNRESET):
		return nil
	case err != nil:
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // against hanging
	return &raw{r.t, conn, bufio.NewReader(conn)}
}

// from connects by way of a load balancer, as somebody of an address.
func (r *rig) from(address string) *raw {
	r.t.Helper()
	c := r.raw()
	if _, err := fmt.Fprintf(c.conn, "PROXY TCP4 %s 192.0.2.1 1 2\r\n", address); err != nil {
		r.t.Fatal(err)
	}
	return c
}

// ask sends a line with an id and returns the reply to it, without the id; empty is
// the connection's end.
func (c *raw) ask(id int, rest string) string {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.conn, "{\"id\":%d,%s}\n", id, rest); err != nil {
		return ""
	}
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return ""
		}
		if reply, ok := strings.CutPrefix(strings.TrimSpace(line), fmt.Sprintf(`{"id":%d,`, id)); ok {
			return strings.TrimSuffix(reply, "}")
		}
	}
}

const (
	subscribes = `"method":"mining.subscribe","params":["test/1.0"]`
	pings      = `"method":"mining.ping","params":[]`
)

func authorizes(login, password string) string {
	return fmt.Sprintf(`"method":"mining.authorize","params":[%q,%q]`, login, password)
}

// The replies to a login that is let in, and to one that is not.
const (
	granted = `"result":true,"error":null`
	refused = `"result":false,"error":[24,"Unauthorized worker",null]`
)

// enters logs in, and says whether it was let.
func (c *raw) enters(login string) bool {
	c.t.Helper()
	return c.ask(1, subscribes) != "" && c.ask(2, authorizes(login, "x")) == granted
}

// ended waits for the end of a connection.
func (c *raw) ended() {
	c.t.Helper()
	if _, err := io.Copy(io.Discard, c.in); errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Error("it was not closed")
	}
}

// ask asks the proxy's API, with the admin token.
func (r *rig) ask(method, path, body string) (status int, text string) {
	r.t.Helper()
	token, err := os.ReadFile(filepath.Join(r.dir, "api.token"))
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, "http://"+r.app.Addrs().HTTP+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Close = true
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	testkit.Hear(r.t, method+" "+path, answer)
	return res.StatusCode, string(answer)
}

// does is ask where it must be done; it returns the answer.
func (r *rig) does(method, path, body string) (text string) {
	r.t.Helper()
	status, text := r.ask(method, path, body)
	if status >= http.StatusMultipleChoices {
		r.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	return text
}

// metrics are the lines of the exposition that have a part.
func (r *rig) metrics(part string) (lines []string) {
	r.t.Helper()
	for line := range strings.Lines(r.does(http.MethodGet, "/metrics", "")) {
		if strings.Contains(line, part) && !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// expectMetric demands a line of the exposition.
func (r *rig) expectMetric(line string) {
	r.t.Helper()
	if got := r.metrics(line[:strings.IndexByte(line, '{')]); !slices.Contains(got, line) {
		r.t.Errorf("no %s in %q", line, got)
	}
}

// serveTCP serves whoever connects to the address that it returns, each by a goroutine
// of its own, until the test ends.
func serveTCP(tb testing.TB, serve func(net.Conn)) (addr string) {
	tb.Helper()
	server, err := load.NewServer(context.Background(), serve)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(server.Close)
	return server.Addr()
}

// join copies both ways until either side ends, which is the end of both.
func join(one, other net.Conn) {
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(one, other)
		_, _ = one.Close(), other.Close()
	})
	_, _ = io.Copy(other, one)
	_, _ = one.Close(), other.Close()
	back.Wait()
}
