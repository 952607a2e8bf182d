package app

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/certs"
	"github.com/loka/stratum/internal/listen"
	"github.com/loka/stratum/internal/recorder"
	"github.com/loka/stratum/internal/view"
)

// expect compares a check with a status and with words of its detail; one that is not
// well has to say what to do.
func expect(t *testing.T, what string, c view.Check, status string, words ...string) {
	t.Helper()
	if c.Status != status || (c.Status == view.OK) != (c.Advice == "") || c.Detail == "" {
		t.Errorf("%s: %+v, want %s", what, c, status)
	}
	for _, w := range words {
		if !strings.Contains(c.Detail, w) {
			t.Errorf("%s: %q does not say %q", what, c.Detail, w)
		}
	}
}

// TestListenersAreProbed connects to real listeners: one that accepts, one whose loop
// does not turn, and one that is closed.
func TestListenersAreProbed(t *testing.T) {
	t.Parallel()
	bound := func() *listen.Listener {
		l := listen.New(listen.Config{Address: "127.0.0.1:0"}, listen.Deps{})
		if err := l.Listen(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	turns, stuck, closed := bound(), bound(), bound()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- turns.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	_ = closed.Close()
	a := &App{accepting: ctx, served: []served{{address: "turns", listener: turns}, {address: "stuck", listener: stuck}, {address: "closed", listener: closed}}}
	look, now := a.lookAtListeners(), time.Now()
	found := look(t.Context(), now)
	expect(t, "turns", found["listener:turns"], view.OK)
	expect(t, "stuck", found["listener:stuck"], view.Degraded)
	expect(t, "closed", found["listener:closed"], view.Down, "refused")
	found = look(t.Context(), now.Add(10*time.Second))
	expect(t, "turns", found["listener:turns"], view.OK)
	expect(t, "stuck again", found["listener:stuck"], view.Down, "10s", "accept loop")
	if noneListens(found) || noneListens(checks{}) || !noneListens(checks{"listener:closed": found["listener:closed"], "disk": {Status: view.OK}}) {
		t.Error("whether nobody can come in is wrong")
	}
	cancel()
	if found := look(t.Context(), now); len(found) != 0 {
		t.Errorf("while it stops: %v", found)
	}
}

func TestCheckDisk(t *testing.T) {
	t.Parallel()
	const mib, gib = int64(1 << 20), int64(1 << 30)
	for name, tt := range map[string]struct {
		free   space
		growth int64
		wrote  error
		took   time.Duration
		status string
		word   string
	}{
		"roomy":          {space{20 * gib, 1e6}, 10 * gib, nil, 0, view.OK, "20 GiB"},
		"may fill up":    {space{5 * gib, 1e6}, 10 * gib, nil, 0, view.OK, "which is more"},
		"near":           {space{900 * mib, 1e6}, 10 * gib, nil, 0, view.Degraded, "900 MiB"},
		"near and grown": {space{900 * mib, 1e6}, 0, nil, 0, view.OK, "900 MiB"},
		"below floor":    {space{100 * mib, 1e6}, 0, nil, 0, view.Degraded, "100 MiB"},
		"no inodes":      {space{20 * gib, 10}, 0, nil, 0, view.Degraded, "10 files"},
		"no such bound":  {space{20 * gib, -1}, 0, nil, 0, view.OK, "free"},
		"slow":           {space{20 * gib, -1}, 0, nil, 3 * time.Second, view.Degraded, "3s"},
		"not writable":   {space{20 * gib, -1}, 0, os.ErrPermission, 0, view.Down, "permission"},
	} {
		expect(t, name, checkDisk(tt.free, tt.growth, tt.wrote, tt.took), tt.status, tt.word)
	}
}

// TestDiskOfThisMachine writes to a real one, and to one that is not there.
func TestDiskOfThisMachine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	look := diskLook{dir: dir, most: func() int64 { return 0 }}
	if c := look.at(t.Context(), time.Now())["disk"]; c.Status == view.Down || !strings.Contains(c.Detail, "free") {
		t.Errorf("%+v", c)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := os.WriteFile(filepath.Join(dir, databaseName), make([]byte, 5000), 0o600); err != nil || storeBytes(dir) != 5000 {
		t.Errorf("the store takes %d, %v", storeBytes(dir), err)
	}
	look.dir = filepath.Join(dir, "missing")
	expect(t, "missing", look.at(t.Context(), time.Now())["disk"], view.Degraded, "not known")
}

func TestClockByPools(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, tt := range map[string]struct {
		ahead  map[string][]int // of each pool's jobs, in seconds
		status string
		words  []string
	}{
		"no job":             {nil, view.OK, []string{"no pool"}},
		"agree":              {map[string][]int{"a": {-1}, "b": {0, -50, -3, -20}, "c": {2}}, view.OK, []string{"3 pools"}},
		"old jobs":           {map[string][]int{"a": {-60, -2, -45, -30}}, view.OK, []string{"1 pools"}},
		"first job is old":   {map[string][]int{"a": {-100}}, view.OK, []string{"no pool"}},
		"ours is behind":     {map[string][]int{"a": {90}, "b": {91}, "c": {0}}, view.Degraded, []string{"of this machine", "1m30s behind"}},
		"ours is ahead":      {map[string][]int{"a": {-600}, "b": {-610}}, view.Degraded, []string{"of this machine", "ahead of"}},
		"one is ahead":       {map[string][]int{"a": {0}, "b": {120}, "c": {-1}}, view.Degraded, []string{"pool b", "ahead of the others"}},
		"one of two":         {map[string][]int{"a": {0}, "b": {120}}, view.Degraded, []string{"pool b"}},
		"one of two, behind": {map[string][]int{"a": {0}, "b": {-700, -650, -640, -660}}, view.Degraded, []string{"pool b", "10m40s behind the others"}},
		"only one":           {map[string][]int{"a": {45}}, view.Degraded, []string{"pool a", "cannot be told", "45s ahead of ours"}},
	} {
		c := newClockLook()
		var jobs []jobTime
		for pool, all := range tt.ahead {
			for i, s := range all {
				at := now.Add(-time.Duration(i+1) * 30 * time.Second)
				jobs = append(jobs, jobTime{pool, at.Add(time.Duration(s) * time.Second), at})
			}
		}
		expect(t, name, c.at(now, jobs)["clock"], tt.status, tt.words...)
		if later := c.at(now.Add(time.Hour), nil)["clock"]; !strings.Contains(later.Detail, "no pool") {
			t.Errorf("%s: an hour later it still says %q", name, later.Detail)
		}
	}
}

// TestClockJumps is set by a minute while a clock that nobody sets goes on.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		by     time.Duration
		status string
		word   string
	}{{time.Minute, view.Degraded, "forward by 1m0s"}, {-time.Hour, view.Degraded, "back by 1h0m0s"}, {4 * time.Second, view.OK, "no pool"}} {
		c := newClockLook()
		step := func(wall, mono time.Duration) view.Check { return c.check(at.Add(wall), at.Add(mono)) }
		expect(t, "before", step(0, 0), view.OK)
		expect(t, "regular", step(10*time.Second, 10*time.Second), view.OK)
		expect(t, "jump", step(20*time.Second+tt.by, 20*time.Second), tt.status, tt.word)
		expect(t, "after", step(30*time.Second+tt.by, 30*time.Second), tt.status, tt.word)
		expect(t, "long after", step(11*time.Minute+tt.by, 11*time.Minute), view.OK)
	}
}

func TestMemoryOfGroups(t *testing.T) {
	t.Parallel()
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text + "\n")} }
	v2 := fstest.MapFS{
		"proc/self/cgroup": file("0::/system.slice/loka.service"),
		"sys/fs/cgroup/system.slice/loka.service/memory.max":     file("1073741824"),
		"sys/fs/cgroup/system.slice/loka.service/memory.current": file("1063741824"),
		"sys/fs/cgroup/system.slice/loka.service/memory.stat":    file("anon 3\ninactive_file 500000000\nx 1"),
		"sys/fs/cgroup/system.slice/memory.max":                  file("max"),
		"sys/fs/cgroup/system.slice/memory.current":              file("5"),
	}
	all := cgroupUses(v2)
	if len(all) != 1 || all[0].used != 563741824 || all[0].limit != 1<<30 {
		t.Fatalf("%+v", all)
	}
	expect(t, "half", checkMemory(all), view.OK, "cgroup /system.slice/loka.service")
	v2["sys/fs/cgroup/system.slice/memory.max"], v2["sys/fs/cgroup/system.slice/memory.current"] = file("2000000000"), file("1900000000")
	expect(t, "the slice is full", checkMemory(cgroupUses(v2)), view.Degraded, "cgroup /system.slice")
	v1 := fstest.MapFS{
		"proc/self/cgroup":                           file("5:cpu:/x\n4:memory:/docker/abc\nbroken"),
		"sys/fs/cgroup/memory/memory.limit_in_bytes": file("100000000"), // seen from within
		"sys/fs/cgroup/memory/memory.usage_in_bytes": file("99000000"),
		"sys/fs/cgroup/memory/memory.stat":           file("total_inactive_file 1000"),
	}
	expect(t, "version 1", checkMemory(cgroupUses(v1)), view.Degraded)
	v1["sys/fs/cgroup/memory/memory.limit_in_bytes"] = file("9223372036854771712") // which is none
	if got := cgroupUses(v1); len(got) != 0 || len(cgroupUses(fstest.MapFS{})) != 0 {
		t.Errorf("%+v", got)
	}
	expect(t, "no limit", checkMemory(nil), view.OK, "no limit")
}

// TestMemoryOfThisProcess is judged by the limit that the runtime really has.
func TestMemoryOfThisProcess(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	debug.SetMemoryLimit(math.MaxInt64)
	if got := runtimeUses(0); len(got) != 0 {
		t.Errorf("without a limit: %+v", got)
	}
	debug.SetMemoryLimit(runtimeBytes() * 101 / 100)
	expect(t, "full", checkMemory(runtimeUses(0)), view.Degraded, "GOMEMLIMIT")
	debug.SetMemoryLimit(runtimeBytes() * 100)
	expect(t, "roomy", newMemoryLook(0).at(t.Context(), time.Now())["memory"], view.OK)
}

// TestBoundMemory: the runtime is told of the narrowest of the groups that have a limit,
// is then not judged by it besides the group, and of none where somebody else has said
// one or there is none.
func TestBoundMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	debug.SetMemoryLimit(math.MaxInt64)
	root := fstest.MapFS{}
	for name, text := range map[string]string{
		"proc/self/cgroup":                     "0::/a/b",
		"sys/fs/cgroup/a/b/memory.max":         "4000000000000",
		"sys/fs/cgroup/a/b/memory.current":     "1000",
		"sys/fs/cgroup/a/memory.max":           "2000000000000",
		"sys/fs/cgroup/a/memory.current":       "2000",
		"sys/fs/cgroup/memory.limit_in_bytes":  "5",
		"sys/fs/cgroup/unrelated/memory.max":   "7",
		"sys/fs/cgroup/a/b/memory.stat":        "inactive_file 0",
		"sys/fs/cgroup/unrelated/memory.stats": "",
	} {
		root[name] = &fstest.MapFile{Data: []byte(text + "\n")}
	}
	unset := func(string) (string, bool) { return "", false }
	if got := boundMemory(root, func(string) (string, bool) { return "1GiB", true }); got != 0 || debug.SetMemoryLimit(-1) != math.MaxInt64 {
		t.Errorf("somebody else's limit is overridden by %d", got)
	}
	if got := boundMemory(fstest.MapFS{}, unset); got != 0 || debug.SetMemoryLimit(-1) != math.MaxInt64 {
		t.Errorf("without a limit there is one of %d", got)
	}
	got := boundMemory(root, unset)
	if got != 1_800_000_000_000 || debug.SetMemoryLimit(-1) != got {
		t.Errorf("the bound is %d, the runtime's %d", got, debug.SetMemoryLimit(-1))
	}
	if uses := runtimeUses(got); len(uses) != 0 {
		t.Errorf("it is judged by its own bound: %+v", uses)
	}
}

//nolint:paralleltest // others open and close hundreds
func TestDescriptors(t *testing.T) {
	expect(t, "few", checkDescriptors(10, 1000), view.OK, "10 of 1000")
	expect(t, "many", checkDescriptors(960, 1000), view.Degraded, "960 of 1000")
	expect(t, "unknown", checkDescriptors(0, 1000), view.OK)
	expect(t, "no limit", checkDescriptors(5, 0), view.OK)
	// This process's own, by both ways of counting.
	before := openDescriptors()
	dir := t.TempDir()
	for i := range 300 {
		f, err := os.Create(filepath.Join(dir, string(rune('a'+i%26))+strings.Repeat("x", i/26)))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
	}
	if n := openDescriptors() - before; n < 200 {
		t.Errorf("300 more are open, %d are counted", n)
	}
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if n := countNames(d); n != 300 {
		t.Errorf("%d names", n)
	}
}

func TestCheckSinks(t *testing.T) {
	t.Parallel()
	now := time.Now()
	found := checkSinks([]SinkState{
		{Name: "chat", Waiting: 1},
		{Name: "mail", Err: errors.New("no route"), Since: now.Add(-time.Minute), Dropped: 3},
		{Name: "pager", Err: errors.New("401"), Since: now.Add(-time.Hour)},
	}, now)
	expect(t, "well", found["alert_sink:chat"], view.OK, "1 wait")
	expect(t, "failing", found["alert_sink:mail"], view.Degraded, "1m0s", "3 were given up", "no route")
	expect(t, "dead", found["alert_sink:pager"], view.Down, "401")
}

func TestCheckCrash(t *testing.T) {
	t.Parallel()
	now := time.Now()
	last := &recorder.Crash{At: now, Text: "panic: boom\n\ngoroutine 1\n"}
	expect(t, "none", checkCrash(nil, now)(now), view.OK)
	expect(t, "one", checkCrash(last, now)(now.Add(59*time.Minute)), view.Degraded, "panic: boom")
	expect(t, "long ago", checkCrash(last, now)(now.Add(61*time.Minute)), view.OK)
}

func TestCertificateHasEnded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	all := []certs.Listener{{}, {Certificates: []certs.Certificate{{NotAfter: now.Add(time.Hour)}, {NotAfter: now.Add(time.Minute)}}}}
	if hasEnded(all, now) || !hasEnded(all, now.Add(2*time.Minute)) {
		t.Error("whether one has ended is wrong")
	}
}

// TestLooks keeps looking, says so where a look hangs, and does not wait for it at the
// end.
func TestLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		hang := make(chan struct{})
		v := newVitals(
			look{"well", time.Second, func(context.Context, time.Time) checks {
				n.Add(1)
				return checks{"a": {Status: view.OK}}
			}},
			look{"hangs", time.Second, func(context.Context, time.Time) checks {
				if n.Load() > 3 {
					<-hang
				}
				return checks{"b": {Status: view.OK}}
			}},
		)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			v.run(ctx)
		}()
		time.Sleep(2 * lookOverdue)
		all, down := v.parts(time.Now())
		if n.Load() < 100 || all["a"].Status != view.OK || down {
			t.Errorf("%d looks, %+v", n.Load(), all)
		}
		expect(t, "hangs", all["b"], view.Degraded, "hangs")
		cancel()
		<-done
		close(hang)
		synctest.Wait()
		if after, _ := v.parts(time.Now()); after["b"].Status == view.OK {
			t.Error("what was found after the end counts")
		}
	})
}
