package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/loka/stratum/internal/audit"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/linefile"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pace"
	"github.com/loka/stratum/internal/view"
)

const (
	// eventsName is the file of what has happened, in the data directory, of at most
	// eventsBytes, with eventsKeep older ones.
	eventsName  = "events.jsonl"
	eventsBytes = 4 << 20
	eventsKeep  = 2
	// maxEventLine is the longest line of it that is read.
	maxEventLine = 64 << 10
	// tellEvery is how often it is looked what is to be told and kept, aliveEvery how
	// often it is noted that this process runs.
	tellEvery  = 250 * time.Millisecond
	aliveEvery = time.Minute
)

// happened is what happens: the log of it, and the file that it is kept in.
type happened struct {
	// Static after construction.
	log    *events.Log
	file   *linefile.File
	logger *slog.Logger
	shares *shareSample

	telling pace.Pace

	// mu guards why nothing can be kept, since when.
	mu    sync.Mutex
	err   error
	since time.Time
}

// newHappened goes on from what an earlier run has kept in a data directory.
func newHappened(dir string, logger *slog.Logger, now time.Time) *happened {
	h := &happened{
		file: linefile.New(linefile.Config{Path: filepath.Join(dir, eventsName), MaxBytes: eventsBytes, Keep: eventsKeep}), logger: logger,
	}
	var kept []events.Event
	if err := h.file.Each(maxEventLine, func(line []byte) {
		var e events.Event
		if json.Unmarshal(line, &e) == nil && e.ID > 0 {
			kept = append(kept, e)
		}
	}); err != nil {
		logger.Warn("not all of what happened before can be read", "file", eventsName, "error", err)
	}
	h.log = events.New(events.Config{}, now, kept)
	h.shares = &shareSample{log: h.log}
	if n := len(kept); n > 0 && !stopped(kept) {
		alive := h.file.Touched()
		if last := kept[n-1].At; alive.Before(last) || alive.After(now) {
			alive = last
		}
		h.log.Publish(events.Event{At: alive, Kind: events.Proxy, What: events.Ended, Severity: events.Warning})
	}
	return h
}

// stopped says that the run that has kept these events has said its last word.
func stopped(kept []events.Event) bool {
	for i := range slices.Backward(kept) {
		if kept[i].Kind == events.Proxy {
			return kept[i].What != events.Started
		}
	}
	return false
}

// proxy tells of this process.
func (h *happened) proxy(what, detail string) {
	h.log.Publish(events.Event{At: time.Now(), Kind: events.Proxy, What: what, Detail: detail})
}

// reloaded tells what became of a configuration that was read again.
func (h *happened) reloaded(r *Reloaded, err error) {
	e := events.Event{At: time.Now(), Kind: events.Reload, What: events.Applied, Count: uint64(len(r.Changes))}
	var invalid config.Problems
	switch {
	case errors.As(err, &invalid):
		e.What, e.Severity, e.Count = events.Refused, events.Warning, 0
		e.Message = fmt.Sprintf("the configuration was not reloaded: it has %d mistakes", len(invalid))
	case err != nil:
		e.What, e.Severity, e.Count = events.Refused, events.Warning, 0
		e.Message = "the configuration was not reloaded: " + err.Error()
	case len(r.Changes) == 0:
		e.Message = "the configuration was read again: nothing has changed"
	default:
		e.Message = fmt.Sprintf("the configuration was reloaded: %d keys have another value", len(r.Changes))
	}
	h.log.Publish(e)
}

// tellMiner tells of a miner's connection.
func (a *App) tellMiner(m *mining.Miner, e events.Event) {
	e.Route = a.hub.RouteOf(m)
	a.happened.log.Publish(e)
}

// run tells what was counted together, and keeps what is to be kept, until ctx ends.
func (h *happened) run(ctx context.Context) error {
	ticker := time.NewTicker(tellEvery)
	defer ticker.Stop()
	alive := time.Time{}
	for {
		select {
		case <-ctx.Done():
			h.proxy(events.Stopping, "") // the last word: what pools do while they are left says nothing
			h.log.Finish()
			h.keep(ctx, time.Now())
			return nil
		case now := <-ticker.C:
			h.shares.tell(now)
			h.log.Tick(now)
			h.keep(ctx, now)
			if now.Sub(alive) >= aliveEvery {
				alive = now
				_ = h.file.Touch(now) // where it cannot be, the end is taken to be that of the last event
			}
		}
	}
}

// keep writes what is to be kept.
func (h *happened) keep(ctx context.Context, now time.Time) {
	all, lost := h.log.Unkept()
	if len(all) == 0 {
		return
	}
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	for i := range all {
		_ = enc.Encode(&all[i]) // a figure that JSON cannot say is the publisher's fault, and loses its event
	}
	err := h.file.Append(lines.Bytes())
	if err != nil {
		h.log.Return(all)
		if h.telling.Due(now) {
			h.logger.WarnContext(ctx, "what happens is not kept for the next start; it is shown all the same", "file", eventsName, "lost", lost, "error", err)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil || h.err == nil {
		h.since = now
	}
	h.err = err
}

// check is the health check of it.
func (h *happened) check(now time.Time) view.Check {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		return view.Check{Status: view.OK, Detail: "what happens is kept in " + eventsName}
	}
	return view.Check{
		Status: view.Degraded,
		Detail: fmt.Sprintf("what happened since %s ago is in memory only: %v", max(now.Sub(h.since), 0).Round(time.Second), h.err),
		Advice: "look at the free space and the mode of data_dir; what waits is written when it can be",
	}
}

// toldActs keeps what administrators did, and tells of it. What it was about is in the
// record only: it may be longer than an event.
type toldActs struct {
	file httpapi.ActFile
	log  events.Publisher
}

// Append implements [httpapi.ActFile].
func (t toldActs) Append(a audit.Act) error {
	e := events.Event{At: a.At, Kind: events.Act, What: events.Done, Who: a.Who, Remote: a.From, Message: a.Who + ": " + a.What, Detail: a.Detail}
	switch a.What {
	case httpapi.SignInAct:
		e.What, e.Message = events.SignedIn, a.Who+" signed in to the page"
	case httpapi.SignOutAct:
		e.What, e.Message = events.SignedOut, a.Who+" signed out of the page"
	}
	t.log.Publish(e)
	return t.file.Append(a)
}
