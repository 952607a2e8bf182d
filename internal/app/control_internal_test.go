package app

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/hub"
)

// steered is a hub of some pools and of routes with some pools each.
type steered struct {
	pools   string
	routes  map[string]string
	drained map[string]bool
	pinned  map[string]string
	// disabled are those that are, by whom.
	disabled map[string]string
	// filed is what routes are split to in the file, splits what was made of it.
	filed  map[string][]config.SplitPart
	splits map[string][]hub.PartConfig
	refuse error
}

func newSteered() *steered {
	return &steered{
		pools: "a b", routes: map[string]string{"farm": "a b", "other": "b"},
		drained: map[string]bool{}, pinned: map[string]string{}, disabled: map[string]string{},
		filed: map[string][]config.SplitPart{}, splits: map[string][]hub.PartConfig{},
	}
}

func (s *steered) DrainPool(pool string, drain bool) bool {
	if pool == "" || !strings.Contains(s.pools, pool) {
		return false
	}
	s.drained[pool] = drain
	return true
}

func (s *steered) DisablePool(pool string) ([]string, error) {
	if pool == "" || !strings.Contains(s.pools, pool) {
		return nil, hub.ErrNoPool
	}
	if s.disabled[pool] == "" {
		s.disabled[pool] = "operator"
	}
	return []string{"farm"}, nil
}

func (s *steered) EnablePool(pool string) error {
	switch {
	case pool == "" || !strings.Contains(s.pools, pool):
		return hub.ErrNoPool
	case s.disabled[pool] == "file":
		return hub.ErrDisabledByFile
	}
	delete(s.disabled, pool)
	return nil
}

func (s *steered) PinRoute(route, pool string) bool {
	if !strings.Contains(s.routes[route], pool) || s.routes[route] == "" {
		return false
	}
	s.pinned[route] = pool
	return true
}

func (s *steered) SetSplit(route string, parts []hub.PartConfig) error {
	if s.refuse == nil {
		s.splits[route] = parts
	}
	return s.refuse
}

// config is the file that the hub is of.
func (s *steered) config() *config.Config {
	c := &config.Config{}
	for name := range strings.FieldsSeq(s.pools) {
		c.Pools = append(c.Pools, config.Pool{Name: name})
	}
	for name, pools := range s.routes {
		r := config.Route{Name: name, Mode: config.Shared, Split: s.filed[name]}
		if len(r.Split) == 0 {
			r.Pools = strings.Fields(pools)
		}
		c.Routes = append(c.Routes, r)
	}
	return c
}

// arranged runs f on what a start finds, and returns the hub and what was logged.
func arranged(t *testing.T, path string, h *steered, f func(c *control)) string {
	t.Helper()
	var said strings.Builder
	c := newControl(path, h, h.config(), slog.New(slog.NewTextHandler(&said, nil)))
	if f != nil {
		f(c)
	}
	return said.String()
}

func done(t *testing.T) func(ok bool, err error) {
	t.Helper()
	return func(ok bool, err error) {
		t.Helper()
		if !ok || err != nil {
			t.Errorf("%t, %v", ok, err)
		}
	}
}

// What was arranged holds over a restart until it is taken back.
func TestArrangementsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.json")
	arranged(t, path, newSteered(), func(c *control) {
		done(t)(c.DrainPool("b", false))
		if _, err := os.Stat(path); err == nil {
			t.Error("a file for nothing")
		}
		done(t)(c.DrainPool("a", true))
		done(t)(c.DrainPool("a", true))
		done(t)(c.DrainPool("b", true))
		done(t)(c.PinRoute("farm", "a"))
		done(t)(c.PinRoute("other", "b"))
		for _, ok := range []bool{first(c.DrainPool("x", true)), first(c.PinRoute("x", "a")), first(c.PinRoute("other", "a"))} {
			if ok {
				t.Error("what is not there is arranged")
			}
		}
	})
	h := newSteered()
	said := arranged(t, path, h, func(c *control) {
		if diff := cmp.Diff(map[string]bool{"a": true, "b": true}, h.drained); diff != "" {
			t.Errorf("drained after a restart (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]string{"farm": "a", "other": "b"}, h.pinned); diff != "" {
			t.Errorf("pinned after a restart (-want +got):\n%s", diff)
		}
		done(t)(c.DrainPool("a", false))
		done(t)(c.PinRoute("farm", ""))
	})
	if said != "" {
		t.Errorf("said %s", said)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != `{"version":1,"drained":["b"],"pinned":{"other":"b"}}` {
		t.Errorf("the file holds %s, %v", text, err)
	}
}

// What is disabled is so after a restart, until it is enabled; what the file
// disables is not an operator's to enable, and what he said of it is forgotten.
func TestDisabledIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.json")
	arranged(t, path, newSteered(), func(c *control) {
		for _, pool := range []string{"a", "a", "b"} {
			alone, ok, err := c.DisablePool(pool)
			if !ok || err != nil || len(alone) != 1 {
				t.Errorf("%s: %v, %t, %v", pool, alone, ok, err)
			}
		}
		if _, ok, _ := c.DisablePool("x"); ok || first(c.EnablePool("x")) {
			t.Error("what is not there is disabled or enabled")
		}
	})
	h := newSteered()
	h.disabled["b"] = "file"
	said := arranged(t, path, h, func(c *control) {
		if h.disabled["a"] != "operator" || len(h.disabled) != 2 {
			t.Errorf("disabled after a restart: %v", h.disabled)
		}
		for _, only := range []bool{true, false} { // what is forgotten is so once
			if ok, err := c.EnablePool("b"); !ok || !errors.Is(err, httpapi.ErrDisabledByFile) || errors.Is(err, httpapi.ErrOnlyByFile) != only {
				t.Errorf("%t, %v", ok, err)
			}
		}
	})
	if text, err := os.ReadFile(path); said != "" || err != nil || string(text) != `{"version":1,"disabled":["a"]}` {
		t.Errorf("the file holds %s, %v; said %s", text, err, said)
	}
	h = newSteered()
	h.pools = "b"
	if said := arranged(t, path, h, nil); !strings.Contains(said, "pool was disabled and is not configured any more") {
		t.Errorf("said %s", said)
	}
	if text, _ := os.ReadFile(path); string(text) != `{"version":1}` {
		t.Errorf("with nothing left the file holds %s", text)
	}
}

func first(ok bool, _ error) bool { return ok }

// What is not configured any more is forgotten for good, aloud.
func TestArrangementsOfWhatIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.json")
	writeControl(t, path, `{"version":1,"drained":["a","gone"],"pinned":{"farm":"gone","lost":"a","other":""}}`)
	h := newSteered()
	said := arranged(t, path, h, nil)
	for _, want := range []string{"pool=gone", "route=farm pool=gone", "route=lost pool=a", "route=other"} {
		if !strings.Contains(said, want) {
			t.Errorf("no word of %s:\n%s", want, said)
		}
	}
	if n := strings.Count(said, "\n"); n != 4 || !h.drained["a"] || len(h.pinned) != 0 {
		t.Errorf("%d lines, drained %v, pinned %v", n, h.drained, h.pinned)
	}
	if said := arranged(t, path, newSteered(), nil); said != "" {
		t.Errorf("the next start still says %s", said)
	}
	if text, _ := os.ReadFile(path); string(text) != `{"version":1,"drained":["a"]}` {
		t.Errorf("the file holds %s", text)
	}
	writeControl(t, path, `{"version":1,"drained":["gone"]}`)
	arranged(t, path, newSteered(), nil)
	if text, _ := os.ReadFile(path); string(text) != `{"version":1}` {
		t.Errorf("with nothing left the file holds %s", text)
	}
}

// What cannot be read is put aside, and the proxy starts.
func TestArrangementsThatCannotBeRead(t *testing.T) {
	for _, text := range []string{"", "{", `{"version":2,"drained":["b"]}`, `{"version":1,"drained":"a"}`} {
		path := filepath.Join(t.TempDir(), "control.json")
		writeControl(t, path, text)
		h := newSteered()
		said := arranged(t, path, h, func(c *control) { done(t)(c.DrainPool("a", true)) })
		if !strings.Contains(said, "cannot be read") || h.drained["b"] {
			t.Errorf("%q: drained %v, said %s", text, h.drained, said)
		}
		if aside, err := os.ReadFile(path + ".bad"); err != nil || string(aside) != text {
			t.Errorf("%q: kept as %q, %v", text, aside, err)
		}
		if kept, _ := os.ReadFile(path); string(kept) != `{"version":1,"drained":["a"]}` {
			t.Errorf("%q: the file holds %s", text, kept)
		}
	}
}

// What cannot be kept is done, and kept as soon as it can be.
func TestArrangementsThatCannotBeKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	path, h := filepath.Join(dir, "control.json"), newSteered()
	said := arranged(t, path, h, func(c *control) {
		if ok, err := c.DrainPool("a", true); !ok || err == nil || !h.drained["a"] {
			t.Errorf("%t, %v, drained %v", ok, err, h.drained)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		done(t)(c.DrainPool("a", true))
	})
	if strings.Count(said, "cannot be kept") != 1 {
		t.Errorf("said %s", said)
	}
	if kept, _ := os.ReadFile(path); string(kept) != `{"version":1,"drained":["a"]}` {
		t.Errorf("the file holds %s", kept)
	}
}

func writeControl(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What was arranged for a pool that a reload takes out is forgotten, all of it: a
// pool of that name that comes later is not disabled by the start after it.
func TestReloadForgetsPools(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.json")
	h := newSteered()
	arranged(t, path, h, func(c *control) {
		done(t)(c.DrainPool("b", true))
		done(t)(c.PinRoute("farm", "b"))
		if _, ok, err := c.DisablePool("b"); !ok || err != nil {
			t.Errorf("%t, %v", ok, err)
		}
		h.pools, h.routes = "a", map[string]string{"farm": "a"}
		if _, _, err := c.reload(h.config(), func(map[string][]hub.PartConfig) error { return nil }); err != nil {
			t.Error(err)
		}
	})
	if kept, err := os.ReadFile(path); err != nil || string(kept) != `{"version":1}` {
		t.Errorf("kept %s, %v", kept, err)
	}
}
