package app

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/loka/stratum/internal/view"
)

// What is looked at, and how often.
const (
	lookEvery   = 10 * time.Second
	seldomEvery = 30 * time.Second
	// lookPatience is how long a look may take, with what it asks others.
	lookPatience = 5 * time.Second
	// lookOverdue is how old a finding may be to be believed.
	lookOverdue = 2 * time.Minute
)

// checks are health checks by name.
type checks = map[string]view.Check

// look is one thing that is looked at now and then, in a goroutine of its own, for it
// may wait for a disk or for somebody else. Health itself is read at any time, and waits
// for nothing.
type look struct {
	name  string
	every time.Duration
	at    func(ctx context.Context, now time.Time) checks
}

// vitals are the findings of what was looked at.
type vitals struct {
	looks []look

	mu    sync.Mutex
	found map[string]seen
}

// seen is what a look has found.
type seen struct {
	checks checks
	at     time.Time
}

func newVitals(looks ...look) *vitals { return &vitals{looks: looks, found: make(map[string]seen)} }

// run looks until ctx ends. A look that hangs, as one at a dead disk does, is left alone.
func (v *vitals) run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, l := range v.looks {
		wg.Go(func() { v.keep(ctx, l) })
	}
	wg.Wait()
}

// keep looks at one thing again and again.
func (v *vitals) keep(ctx context.Context, l look) {
	ticker := time.NewTicker(l.every)
	defer ticker.Stop()
	for {
		done := make(chan struct{})
		go func() {
			defer close(done)
			v.once(ctx, l)
		}()
		select {
		case <-done:
		case <-ctx.Done():
			patience := time.NewTimer(lookPatience)
			defer patience.Stop()
			select {
			case <-done:
			case <-patience.C:
			}
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// once looks at one thing.
func (v *vitals) once(ctx context.Context, l look) {
	patient, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	found := l.at(patient, time.Now())
	if ctx.Err() != nil {
		return // a stop, of which nothing is learnt
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.found[l.name] = seen{found, time.Now()}
}

// parts are all findings; down says that no miner can come in.
func (v *vitals) parts(now time.Time) (all checks, down bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	all = make(checks)
	for name, f := range v.found {
		age := now.Sub(f.at)
		if age <= lookOverdue {
			maps.Copy(all, f.checks)
			continue
		}
		for check := range f.checks {
			all[check] = view.Check{
				Status: view.Degraded,
				Detail: fmt.Sprintf("nothing is known: looking at it (%s) has not come back for %s", name, age.Round(time.Second)),
				Advice: "something that it asks hangs, such as a disk or a network file system; see dmesg",
			}
		}
	}
	return all, noneListens(all)
}

// noneListens says that there are listeners and all of them are down.
func noneListens(all checks) bool {
	listeners, down := 0, 0
	for name, c := range all {
		if strings.HasPrefix(name, listenerCheck) {
			listeners++
			if c.Status == view.Down {
				down++
			}
		}
	}
	return listeners > 0 && down == listeners
}

// newHealth is all that is looked at besides what the read model knows by itself.
func (a *App) newHealth() *vitals {
	disk, clock := &diskLook{dir: a.cfg.Load().DataDir, most: func() int64 { return int64(a.cfg.Load().Storage.MaxDisk) }}, newClockLook()
	memory := newMemoryLook(a.memoryBound)
	return newVitals(
		look{"listeners", lookEvery, a.lookAtListeners()},
		look{"disk", seldomEvery, disk.at},
		look{"clock", lookEvery, func(_ context.Context, now time.Time) checks { return clock.at(now, a.jobTimes()) }},
		look{"memory", lookEvery, memory.at},
		look{"descriptors", seldomEvery, func(context.Context, time.Time) checks {
			return checks{"descriptors": checkDescriptors(openDescriptors(), a.descriptors)}
		}},
		look{"database", seldomEvery, a.lookAtDatabase},
		look{"sinks", lookEvery, func(_ context.Context, now time.Time) checks { return checkSinks(a.sinkStates(), now) }},
	)
}

// healthChecks are the checks that are asked at every look, which wait for nothing.
func (a *App) healthChecks(started time.Time) map[string]func(time.Time) view.Check {
	return map[string]func(time.Time) view.Check{
		"audit": checkActs(a.acts), "tls": a.checkCerts, "flight_recorder": a.checkRecorder, "last_crash": checkCrash(a.crash, started),
		"telemetry": a.checkTelemetry, "events": a.happened.check,
	}
}

// lookAtDatabase asks the store of history a question.
func (a *App) lookAtDatabase(ctx context.Context, now time.Time) checks {
	_, err := a.kept.warehouse.Acts(ctx, a.instance, 1)
	if err != nil {
		return checks{"database": {
			Status: view.Degraded,
			Detail: fmt.Sprintf("it does not answer: %v", err),
			Advice: "look at storage.url and at the database, or with SQLite at the disk; mining goes on, history and exports do not",
		}}
	}
	return checks{"database": {Status: view.OK, Detail: "it answers within " + max(time.Since(now), time.Millisecond).Round(time.Millisecond).String()}}
}
