package lookout

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/view"
)

// A check that is unwell is told by one rule: by its own, where that looks at what is
// wrong, else by the one for all checks.
func TestChecksAreToldOnce(t *testing.T) {
	well := func(*world) {}
	for _, c := range []struct {
		check string
		how   string
		world func(w *world)
		want  string
	}{
		{"clock", view.Degraded, well, "check_failing"},
		{"disk", view.Degraded, well, "check_failing"}, // it is slow, or has no room for more files
		{"disk", view.Degraded, func(w *world) { w.Machine.DiskFree = 5e8 }, "disk_low"},
		{"disk", view.Down, func(w *world) { w.Machine.DiskFree = 1 }, "disk_full"},
		{"memory", view.Degraded, well, "check_failing"},
		{"memory", view.Degraded, func(w *world) { w.Machine.Memory = 9.5e8 }, "memory_high"},
		{"descriptors", view.Degraded, well, "check_failing"},
		{"descriptors", view.Degraded, func(w *world) { w.Machine.Files = 960 }, "files_high"},
		{"store", view.Degraded, well, "check_failing"}, // old shares cannot be dropped
		{"store", view.Degraded, func(w *world) { w.Keeping.StoreError, w.Keeping.StoreSince = errors.New("away"), epoch }, "store_failing"},
		{"journal", view.Down, func(w *world) { w.Keeping.JournalError, w.Keeping.JournalSince = errors.New("full"), epoch }, "journal_failing"},
		{"tls", view.Degraded, func(w *world) { w.Listeners[0].NotAfter = w.At.Add(100 * time.Hour) }, "certificate_expires"},
		{"listener:l", view.Degraded, well, "check_failing"},
		{"listener:l", view.Down, well, "listener_down"},
		{"pool:main", view.Down, func(w *world) { w.Pools[0].State = view.PoolDown }, "pool_down"},
		{"route:farm", view.Down, func(w *world) { w.Routes[0].Ready = false }, "route_down"},
		{"alert_sink:night", view.Down, func(w *world) { w.SinksDown = 1 }, "sinks_down"},
	} {
		engine, gatherer := alert.New(alert.Config{Rules: defaults(t)}), NewGatherer()
		got := make(map[string]bool)
		for minute := range 15 {
			w := healthy(epoch.Add(time.Duration(minute) * time.Minute))
			c.world(w)
			w.Checks[c.check] = view.Check{Status: c.how, Detail: "so it is"}
			for _, a := range engine.Step(w.At, gatherer.Gather(&w.Facts, &w.Around)).Began {
				got[a.Name] = true
			}
		}
		if len(got) != 1 || !got[c.want] {
			t.Errorf("%s is %s: got %v, want %s", c.check, c.how, got, c.want)
		}
	}
}

// The checks that rules name are checks that there are, as the table of them says.
func TestRulesNameChecksThatThereAre(t *testing.T) {
	text, err := os.ReadFile("../../../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`check\.name(?: == |\.startsWith\()"([a-z_]+:?)"`)
	for _, rule := range alert.Defaults(alert.Runbooks) {
		for _, m := range named.FindAllStringSubmatch(rule.Expr, -1) {
			row := "| `" + m[1]
			if prefix, ok := strings.CutSuffix(m[1], ":"); ok {
				row = "`" + prefix + ":"
			}
			if !strings.Contains(string(text), row) {
				t.Errorf("%s names the check %q, which is in no table", rule.Name, m[1])
			}
		}
	}
}

func defaults(t *testing.T) []*alert.Program {
	t.Helper()
	compiler := alert.NewCompiler()
	all := alert.Defaults(alert.Runbooks)
	out := make([]*alert.Program, 0, len(all))
	for _, rule := range all {
		p, err := compiler.Compile(rule)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}
