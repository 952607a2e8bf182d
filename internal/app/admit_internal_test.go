package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/guard"
	"github.com/loka/stratum/internal/mining"
)

// A connection that is told apart only once its listener is removed does not outlive
// that.
func TestMinerOfARemovedListener(t *testing.T) {
	t.Parallel()
	a := idle(t)
	for _, removed := range []bool{true, false} {
		ctx, end := context.WithCancelCause(t.Context())
		if removed {
			end(errRemoved)
		} else {
			end(nil) // a stop: what is due is still answered
		}
		near, far := net.Pipe()
		gone := make(chan struct{})
		a.admit(ctx, near, nil, mining.Arrival{}, func() { close(gone) })
		if !removed {
			if a.serve.Len() != 1 {
				t.Error("a stop closes miners before their time")
			}
			a.serve.CloseAll(mining.Shutdown)
		}
		select {
		case <-gone:
		case <-time.After(20 * time.Second):
			t.Errorf("removed %v: it is still there", removed)
			_ = far.Close()
			<-gone
		}
		_ = far.Close()
	}
}

// idle is an app that is not run.
func idle(t *testing.T) *App {
	t.Helper()
	cfg, problems := config.Load(fmt.Appendf(nil,
		"data_dir = %q\n[server]\nhandshake_timeout = \"5m\"\n[[pool]]\nname = \"main\"\nurl = \"127.0.0.1:1\"\nusername = \"a\"\n", t.TempDir()), "test.toml", config.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	a, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// caller is a connection at the door that nothing is done with there.
type caller struct{}

func (caller) Start(*guard.Guest)               {}
func (caller) Drop(*guard.Guest, mining.Reason) {}
func (caller) Close(mining.Reason)              {}

// Who gives way is gone at once: what it has not read does not reach it any more.
func TestGivesWayAtOnce(t *testing.T) {
	t.Parallel()
	a := idle(t)
	now := time.Now()
	g, reason := a.door.Enter(guard.Entry{Addr: netip.MustParseAddr("203.0.113.1"), Cost: 1, Visitor: caller{}}, now)
	if next, _ := a.door.Next(now); reason != "" || next != g {
		t.Fatalf("it is not let in: %q", reason)
	}
	near, far := net.Pipe()
	gone := make(chan struct{})
	a.admit(t.Context(), near, nil, mining.Arrival{Guest: g}, func() { g.Leave(); close(gone) })
	if _, err := far.Write([]byte("{\"id\":1,\"method\":\"mining.ping\",\"params\":[]}\n")); err != nil {
		t.Fatal(err)
	}
	for a.serve.Conns()[0].State().Wire.QueuedFrames == 0 {
		runtime.Gosched()
	}
	if !a.door.GiveWay(now.Add(time.Hour)) {
		t.Fatal("nobody gives way")
	}
	if said, err := io.ReadAll(far); len(said) > 0 || err != nil {
		t.Errorf("it reads %q, %v", said, err)
	}
	<-gone
}
