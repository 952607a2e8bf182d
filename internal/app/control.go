package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/loka/stratum/internal/atomicfile"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/hub"
)

// controlVersion is the version of the file that arrangements are kept in.
const controlVersion = 1

// controlled is the part of the hub that operators steer.
type controlled interface {
	DrainPool(pool string, drain bool) (ok bool)
	DisablePool(pool string) (alone []string, err error)
	EnablePool(pool string) error
	PinRoute(route, pool string) (ok bool)
	SetSplit(route string, parts []hub.PartConfig) error // none: its pools are in one order
}

// control does what operators arrange for pools and routes, and keeps it in
// data_dir: who drained a pool does not want it back with the next start.
type control struct {
	// Static after construction.
	hub  controlled
	path string
	log  *slog.Logger

	// cfg is what is in place; it is replaced with mu held.
	cfg atomic.Pointer[config.Config]

	// mu guards what is arranged, and what the file holds.
	mu       sync.Mutex
	drained  map[string]bool   // by pool
	disabled map[string]bool   // by pool
	pinned   map[string]string // pool by route
	splits   map[string]keptSplit
	kept     []byte
}

type controlFile struct {
	Version  int                  `json:"version"`
	Drained  []string             `json:"drained,omitempty"`
	Disabled []string             `json:"disabled,omitempty"`
	Pinned   map[string]string    `json:"pinned,omitempty"`
	Splits   map[string]keptSplit `json:"splits,omitempty"`
}

// newControl does again what the file at path has, if there is one. What it
// names and is not there any more is forgotten, and so is a split of a route that
// the file does not arrange as it did.
func newControl(path string, of controlled, cfg *config.Config, log *slog.Logger) *control {
	c := &control{
		hub: of, path: path, log: log,
		drained: make(map[string]bool), disabled: make(map[string]bool), pinned: make(map[string]string), splits: make(map[string]keptSplit),
	}
	c.cfg.Store(cfg)
	file, err := readControl(path)
	if err != nil {
		aside, moved := atomicfile.SetAside(path)
		log.Error("what was drained, disabled, pinned and split otherwise cannot be read; nothing is", "error", err, "kept_as", aside, "aside_error", moved)
	}
	forgot := false
	for _, pool := range file.Drained {
		if of.DrainPool(pool, true) {
			c.drained[pool] = true
			continue
		}
		forgot = true
		log.Warn("pool was drained and is not configured any more: that is forgotten", "pool", pool)
	}
	for _, pool := range file.Disabled {
		if _, err := of.DisablePool(pool); err == nil {
			c.disabled[pool] = true
			continue
		}
		forgot = true
		log.Warn("pool was disabled and is not configured any more: that is forgotten", "pool", pool)
	}
	for _, route := range slices.Sorted(maps.Keys(file.Pinned)) {
		pool := file.Pinned[route]
		if pool != "" && of.PinRoute(route, pool) {
			c.pinned[route] = pool
			continue
		}
		forgot = true
		log.Warn("route was pinned and is not configured any more, or not with that pool: that is forgotten", "route", route, "pool", pool)
	}
	if c.resplit(file.Splits) {
		forgot = true
	}
	if forgot {
		_ = c.keep() // it has logged why not; the next change tries again
	} else {
		c.kept, _ = c.text()
	}
	return c
}

// readControl reads the file at path; there may be none.
func readControl(path string) (file controlFile, err error) {
	file.Version = controlVersion
	err = readKept(path, &file)
	if err == nil && file.Version != controlVersion {
		err = fmt.Errorf("version %d, this program knows %d", file.Version, controlVersion)
	}
	if err != nil {
		return controlFile{}, err
	}
	return file, nil
}

// DrainPool implements [httpapi.Controller].
func (c *control) DrainPool(pool string, drain bool) (ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.hub.DrainPool(pool, drain) {
		return false, nil
	}
	if drain {
		c.drained[pool] = true
	} else {
		delete(c.drained, pool)
	}
	return true, c.keep()
}

// DisablePool implements [httpapi.Controller].
func (c *control) DisablePool(pool string) (alone []string, ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	alone, err = c.hub.DisablePool(pool)
	if err != nil { // there is none
		return nil, false, nil
	}
	c.disabled[pool] = true
	return alone, true, c.keep()
}

// EnablePool implements [httpapi.Controller]. A pool that the file disables stays
// so; what was said besides is forgotten all the same.
func (c *control) EnablePool(pool string) (ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err = c.hub.EnablePool(pool)
	if errors.Is(err, hub.ErrNoPool) {
		return false, nil
	}
	arranged := c.disabled[pool]
	delete(c.disabled, pool)
	kept := c.keep()
	switch {
	case errors.Is(err, hub.ErrDisabledByFile) && arranged:
		return true, httpapi.ErrOnlyByFile
	case errors.Is(err, hub.ErrDisabledByFile):
		return true, httpapi.ErrDisabledByFile
	}
	return true, kept
}

// PinRoute implements [httpapi.Controller].
func (c *control) PinRoute(route, pool string) (ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.hub.PinRoute(route, pool) {
		return false, nil
	}
	if pool != "" {
		c.pinned[route] = pool
	} else {
		delete(c.pinned, route)
	}
	return true, c.keep()
}

// reload has another configuration put in place, with what is arranged in place of
// what its file says, by route. It returns the keys where that holds, and those
// where it does not hold any more for the file has changed them. On an error of put
// nothing has changed.
func (c *control) reload(cfg *config.Config, put func(splits map[string][]hub.PartConfig) error) (arranged, forgotten []string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	splits := make(map[string][]hub.PartConfig)
	arranged, forgotten = c.hold(cfg, splits)
	if err := put(splits); err != nil {
		return nil, nil, err
	}
	c.cfg.Store(cfg)
	maps.DeleteFunc(c.splits, func(route string, _ keptSplit) bool { return splits[route] == nil })
	for _, pools := range []map[string]bool{c.drained, c.disabled} {
		maps.DeleteFunc(pools, func(pool string, _ bool) bool { _, ok := cfg.Pool(pool); return !ok })
	}
	maps.DeleteFunc(c.pinned, func(route, pool string) bool {
		r, ok := cfg.Route(route)
		return !ok || !slices.Contains(r.EveryPool(), pool)
	})
	_ = c.keep() // it has logged why not; the next change tries again
	return arranged, forgotten, nil
}

// arranged says of a configuration what reload would.
func (c *control) arranged(cfg *config.Config, splits map[string][]hub.PartConfig) (arranged, forgotten []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hold(cfg, splits)
}

// hold puts what is arranged and goes on to hold with a configuration into splits,
// by route, and returns the keys in whose place it does, and the others. mu is held.
func (c *control) hold(cfg *config.Config, splits map[string][]hub.PartConfig) (arranged, forgotten []string) {
	arranged, forgotten = []string{}, []string{}
	for _, name := range slices.Sorted(maps.Keys(c.splits)) {
		one, key := c.splits[name], "route["+name+"].split"
		parts, ok := one.of(cfg, name)
		if !ok {
			forgotten = append(forgotten, key)
			continue
		}
		arranged = append(arranged, key)
		splits[name] = parts
	}
	return arranged, forgotten
}

// keep writes what is arranged, if the file holds something else.
func (c *control) keep() error {
	text, err := c.text()
	if err == nil && bytes.Equal(text, c.kept) {
		return nil
	}
	if err == nil {
		err = atomicfile.Write(c.path, text)
	}
	if err != nil {
		c.log.Error("what is drained, disabled, pinned and split otherwise cannot be kept for the next start", "path", c.path, "error", err)
		return err
	}
	c.kept = text
	return nil
}

// text is what the file should hold.
func (c *control) text() ([]byte, error) {
	return json.Marshal(controlFile{
		Version: controlVersion, Drained: slices.Sorted(maps.Keys(c.drained)), Disabled: slices.Sorted(maps.Keys(c.disabled)), Pinned: c.pinned, Splits: c.splits,
	})
}
