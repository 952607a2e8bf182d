package app

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/steer"
)

// divided is a hub whose route farm is split by weight.
func divided() *steered {
	h := newSteered()
	h.filed["farm"] = []config.SplitPart{{Pool: "a", Weight: 70}, {Pools: []string{"b"}, Hashrate: 1.5e15}}
	return h
}

const (
	otherwise = `{"split":[{"pool":"b","weight":3,"on_dead":"others"},{"pools":["a"],"hashrate":"500 th/s","worker":"vip.*","when":"* 5 * * *","time_zone":"Europe/Prague","on_dead":"b"}]}`
	keptSoFar = `{"version":1,"splits":{"farm":{"split":[{"pools":["b"],"weight":3},{"pools":["a"],"hashrate":"500TH/s","worker":"vip.*","when":"* 5 * * *","time_zone":"Europe/Prague","on_dead":"b"}],` +
		`"file":[{"pools":["a"],"weight":70},{"pools":["b"],"hashrate":"1.5PH/s"}]}}}`
)

func otherwiseParts(t *testing.T) []hub.PartConfig {
	t.Helper()
	prague, err := time.LoadLocation("Europe/Prague")
	if err != nil {
		t.Fatal(err)
	}
	window, err := steer.ParseWindow("* 5 * * *", prague)
	if err != nil {
		t.Fatal(err)
	}
	return []hub.PartConfig{{Pools: []string{"b"}, Weight: 3}, {Pools: []string{"a"}, Hashrate: 500e12, Worker: "vip.*", Window: window, OnDead: "b"}}
}

var sameWindow = cmp.Comparer(func(a, b *steer.Window) bool { return a.String() == b.String() && a.Zone() == b.Zone() })

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	if text, err := os.ReadFile(path); err != nil || string(text) != want {
		t.Errorf("the file holds %s, %v; want %s", text, err, want)
	}
}

// What a route was split to holds over a restart until it is taken back; what is
// so already is not done again.
func TestSplitsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.json")
	h := divided()
	arranged(t, path, h, func(c *control) {
		done(t)(c.SplitByFile("farm"))
		done(t)(c.SplitRoute("farm", []byte(`{"split":[{"pools":["a"],"weight":70},{"pool":"b","hashrate":"1500TH/s"}]}`)))
		if _, err := os.Stat(path); err == nil || len(h.splits) != 0 {
			t.Errorf("%v, a file or a change for nothing", h.splits)
		}
		done(t)(c.SplitRoute("farm", []byte(otherwise)))
		if diff := cmp.Diff(map[string][]hub.PartConfig{"farm": otherwiseParts(t)}, h.splits, sameWindow); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		wantFile(t, path, keptSoFar)
		delete(h.splits, "farm")
		done(t)(c.SplitRoute("farm", []byte(otherwise)))
		if len(h.splits) != 0 {
			t.Error("what is so already is done again")
		}
	})
	h = divided()
	said := arranged(t, path, h, func(c *control) {
		if diff := cmp.Diff(map[string][]hub.PartConfig{"farm": otherwiseParts(t)}, h.splits, sameWindow); diff != "" {
			t.Errorf("after a restart (-want +got):\n%s", diff)
		}
		done(t)(c.DrainPool("a", true))
		done(t)(c.DrainPool("a", false))
		wantFile(t, path, keptSoFar)
		done(t)(c.SplitByFile("farm"))
	})
	if diff := cmp.Diff([]hub.PartConfig{{Pools: []string{"a"}, Weight: 70}, {Pools: []string{"b"}, Hashrate: 1.5e15}}, h.splits["farm"]); diff != "" || said != "" {
		t.Errorf("said %s, -want +got:\n%s", said, diff)
	}
	wantFile(t, path, `{"version":1}`)
}

// Another split in the file wins, and no change comes back when the file does.
func TestSplitsOfAChangedFile(t *testing.T) {
	for what, change := range map[string]func(h *steered){
		"the file has changed its pools or split": func(h *steered) { h.filed["farm"][0].Weight = 71 },
		"pools or split since":                    func(h *steered) { delete(h.filed, "farm") },
		"not configured any":                      func(h *steered) { delete(h.routes, "farm") },
		"cannot be so any more":                   func(h *steered) { h.refuse = errors.New("no") },
	} {
		path := filepath.Join(t.TempDir(), "control.json")
		writeControl(t, path, keptSoFar)
		h := divided()
		change(h)
		if said := arranged(t, path, h, nil); strings.Count(said, "\n") != 1 || !strings.Contains(said, what) || !strings.Contains(said, "route=farm") {
			t.Errorf("%s: said %s", what, said)
		}
		if len(h.splits) != 0 {
			t.Errorf("%s: split to %v", what, h.splits)
		}
		wantFile(t, path, `{"version":1}`)
		h = divided()
		if said := arranged(t, path, h, nil); said != "" || len(h.splits) != 0 {
			t.Errorf("%s: with the old file again: split to %v, said %s", what, h.splits, said)
		}
	}
}

// A kept split that nobody could have asked for is forgotten, not obeyed.
func TestSplitsThatWereTamperedWith(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.json")
	writeControl(t, path, strings.Replace(keptSoFar, `"weight":3`, `"weight":-3`, 1))
	h := divided()
	if said := arranged(t, path, h, nil); !strings.Contains(said, "cannot be so any more") || !strings.Contains(said, "split[0].weight: -3 is out of range") || len(h.splits) != 0 {
		t.Errorf("split to %v, said %s", h.splits, said)
	}
}

// A route whose pools are in order in the file is split, over a restart too, until
// that is taken back or the file has them in another order.
func TestSplitsOfARouteInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.json")
	const kept = `{"version":1,"splits":{"farm":{"split":[{"pools":["b"],"weight":3},{"pools":["a"],"hashrate":"500TH/s","worker":"vip.*","when":"* 5 * * *","time_zone":"Europe/Prague","on_dead":"b"}],"file":[{"pools":["a","b"]}]}}}`
	h := newSteered()
	arranged(t, path, h, func(c *control) {
		done(t)(c.SplitByFile("farm"))
		if len(h.splits) != 0 {
			t.Errorf("what is in order is put in order: %v", h.splits)
		}
		done(t)(c.SplitRoute("farm", []byte(otherwise)))
		wantFile(t, path, kept)
	})
	h = newSteered()
	said := arranged(t, path, h, func(c *control) {
		if diff := cmp.Diff(otherwiseParts(t), h.splits["farm"], sameWindow); diff != "" {
			t.Errorf("after a restart (-want +got):\n%s", diff)
		}
		done(t)(c.SplitByFile("farm"))
	})
	if parts, ok := h.splits["farm"]; !ok || len(parts) != 0 || said != "" {
		t.Errorf("taken back: split to %v, said %s", parts, said)
	}
	wantFile(t, path, `{"version":1}`)

	writeControl(t, path, kept)
	h = newSteered()
	h.routes["farm"] = "b a"
	if said := arranged(t, path, h, nil); !strings.Contains(said, "the file has changed its pools or split") || len(h.splits) != 0 {
		t.Errorf("in another order: split to %v, said %s", h.splits, said)
	}
	wantFile(t, path, `{"version":1}`)
}

// A split that is wrong, or of a route that is not there, changes nothing.
func TestSplitsThatAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.json")
	h := divided()
	arranged(t, path, h, func(c *control) {
		for _, ok := range []bool{first(c.SplitRoute("fram", []byte(otherwise))), first(c.SplitByFile("fram"))} {
			if ok {
				t.Error("a route that is not there is split")
			}
		}
		ok, err := c.SplitRoute("farm", []byte(`{"split":[{"pool":"c","weight":1},{"pool":"a","weight":-1}]}`))
		if bad, is := errors.AsType[httpapi.InvalidError](err); !ok || !is || len(bad.Mistakes) != 2 || bad.Mistakes[0].Key != "split[0].pool" {
			t.Errorf("a wrong split: %t, %#v", ok, err)
		}
		h.refuse = errors.New("no")
		if _, err := c.SplitRoute("farm", []byte(otherwise)); err == nil || err.Error() != "split: no" {
			t.Errorf("a split that the hub does not take: %v", err)
		}
	})
	if _, err := os.Stat(path); err == nil || len(h.splits) != 0 {
		t.Errorf("split to %v, %v", h.splits, err)
	}
}

// What a route is split to while another file is put in place replaces what that one
// says, so that it holds over the next start.
func TestSplitDuringAReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.json")
	h := divided()
	arranged(t, path, h, func(c *control) {
		h.filed["farm"] = []config.SplitPart{{Pool: "a", Weight: 1}, {Pool: "b", Weight: 2}}
		asked := make(chan struct{})
		_, _, err := c.reload(h.config(), func(map[string][]hub.PartConfig) error {
			go func() {
				defer close(asked)
				done(t)(c.SplitRoute("farm", []byte(otherwise)))
			}()
			for range 1000 {
				runtime.Gosched()
			}
			return nil
		})
		if <-asked; err != nil {
			t.Error(err)
		}
	})
	if said := arranged(t, path, h, nil); said != "" {
		t.Errorf("the next start says %s", said)
	}
}
