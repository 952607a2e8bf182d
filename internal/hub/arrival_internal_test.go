package hub

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/pace"
)

// A flood of logins does not fill the log, and what it leaves out is counted there.
func TestArrivalsAreBounded(t *testing.T) {
	var out bytes.Buffer
	h := &Hub{log: slog.New(slog.NewTextHandler(&out, nil))}
	now := time.Unix(1_700_000_000, 0)
	for range pace.Burst + 500 {
		h.tellArrival(now, []slog.Attr{slog.String("worker", "a.b")})
	}
	if n := strings.Count(out.String(), "miner authorized"); n != pace.Burst {
		t.Errorf("%d lines, want %d", n, pace.Burst)
	}
	out.Reset()
	h.tellArrival(now.Add(time.Second), []slog.Attr{slog.String("worker", "a.b")})
	if !strings.Contains(out.String(), "worker=a.b more_not_logged=500") {
		t.Errorf("the next line is %q", out.String())
	}
}
