package serve

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
)

// diary is a log whose lines can be looked up.
type diary struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (d *diary) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.buf.Write(b)
}

// keep has the server log here, all levels.
func (d *diary) keep(r *rig) {
	r.server.notes.log = slog.New(slog.NewJSONHandler(testkit.Overhear(r.t, "the log", d), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// of returns the lines that say msg at a level.
func (d *diary) of(t *testing.T, level, msg string) (lines []map[string]any) {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	for line := range strings.Lines(d.buf.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		if fields["level"] == level && fields["msg"] == msg {
			lines = append(lines, fields)
		}
	}
	return lines
}

// A miner refused for its name is seen in the log, once a minute.
func TestRefusedLoginIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var d diary
		d.keep(r)
		r.house.handle = func(c *Conn, req *mining.Request) mining.Answer {
			if req.Kind == mining.Authorize && req.Worker.Login != "alice" {
				text := ""
				if req.Worker.Login == "plain" {
					text = "TLS required"
				}
				req.Worker = nil // whatever the pipeline does with it
				return mining.Answer{Ticket: req.Ticket, Verdict: mining.Unauthorized, Text: text}
			}
			return r.house.grant(c, req)
		}
		m := r.connect()
		m.say(authorize("1", `my rig\u0007\u00fc`), authorize("2", "other rig"), authorize("3", "alice"))
		lines := d.of(t, "WARN", "login refused")
		if len(lines) != 1 || len(d.of(t, "DEBUG", "login refused")) != 1 {
			t.Fatalf("logged %s", &d.buf)
		}
		for name, want := range map[string]any{"login": `"my rig\a\u00fc"`, "miner": 1.0, "verdict": "unauthorized"} {
			if lines[0][name] != want {
				t.Errorf("%s is %v, want %v", name, lines[0][name], want)
			}
		}
		if _, ok := lines[0]["remote"]; !ok || !strings.Contains(lines[0]["advice"].(string), "printable ASCII") {
			t.Errorf("logged %v", lines[0])
		}
		time.Sleep(59 * time.Second)
		m.say(authorize("4", "early"))
		time.Sleep(time.Second)
		m.say(authorize("5", strings.Repeat("a", 100)))
		lines = d.of(t, "WARN", "login refused")
		if len(lines) != 2 || lines[1]["login"] != `"`+strings.Repeat("a", 64)+`"…` {
			t.Errorf("logged %v", lines)
		}
		time.Sleep(time.Minute)
		m.say(authorize("6", "plain"))
		if lines = d.of(t, "WARN", "login refused"); len(lines) != 3 || lines[2]["text"] != "TLS required" || lines[2]["advice"] != nil {
			t.Errorf("one that is told why: logged %v", lines)
		}
		if strings.Contains(d.buf.String(), "alice") {
			t.Errorf("a login that was granted: %s", &d.buf)
		}
	})
}

// An outage shows in the log even if no miner gets as far as a worker: the
// first end of a minute for each of the reasons that mean one.
func TestOutageIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var d diary
		d.keep(r)
		end := func(reason mining.Reason) {
			m := r.connect()
			m.conn.Close(reason)
			m.gone()
		}
		for range 3 {
			for _, reason := range []mining.Reason{mining.PoolUnreachable, mining.NoRoute, mining.AuthorizeTimeout, mining.HandshakeTimeout, mining.PeerReset} {
				end(reason)
			}
		}
		lines := d.of(t, "INFO", "miner disconnected")
		if len(lines) != 3 || len(d.of(t, "DEBUG", "miner disconnected")) != 12 {
			t.Fatalf("logged %s", &d.buf)
		}
		for i, want := range []mining.Reason{mining.PoolUnreachable, mining.NoRoute, mining.AuthorizeTimeout} {
			if lines[i]["reason"] != string(want) || lines[i]["advice"] != mining.Describe(want).Do || lines[i]["miner"] != float64(i+1) {
				t.Errorf("line %d is %v", i, lines[i])
			}
		}
		time.Sleep(time.Minute)
		end(mining.NoRoute)
		end(mining.NoRoute)
		if n := len(d.of(t, "INFO", "miner disconnected")); n != 4 {
			t.Errorf("%d lines a minute later", n)
		}
	})
}
