package app

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/mining"
)

// A connection that is told apart only once its listener is removed does not outlive
// that.
func TestMinerOfARemovedListener(t *testing.T) {
	t.Parallel()
	cfg, problems := config.Load(fmt.Appendf(nil,
		"data_dir = %q\n[server]\nhandshake_timeout = \"5m\"\n[[pool]]\nname = \"main\"\nurl = \"127.0.0.1:1\"\nusername = \"a\"\n", t.TempDir()), "test.toml", config.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	a, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
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
