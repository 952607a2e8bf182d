package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/loka/stratum/internal/atomicfile"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/ledger"
)

// controlVersion is the version of the file that arrangements are kept in.
const controlVersion = 1

// controlled is the part of the hub that operators steer.
type controlled interface {
	DrainPool(pool string, drain bool) (ok bool)
	PinRoute(route, pool string) (ok bool)
	SetSplit(route string, parts []hub.PartConfig) error // none: its pools are in one order
}

// control does what operators arrange for pools and routes, and keeps it in
// data_dir: who drained a pool does not want it back with the next start.
type control struct {
	// Static after construction.
	hub  controlled
	cfg  *config.Config
	path string
	log  *slog.Logger

	// mu guards what is arranged, and what the file holds.
	mu      sync.Mutex
	drained map[string]bool   // by pool
	pinned  map[string]string // pool by route
	splits  map[string]keptSplit
	kept    []byte
}

type controlFile struct {
	Version int                  `json:"version"`
	Drained []string             `json:"drained,omitempty"`
	Pinned  map[string]string    `json:"pinned,omitempty"`
	Splits  map[string]keptSplit `json:"splits,omitempty"`
}

// newControl does again what the file at path has, if there is one. What it
// names and is not there any more is forgotten, and so is a split of a route that
// the file does not arrange as it did.
func newControl(path string, of controlled, cfg *config.Config, log *slog.Logger) *control {
	c := &control{
		hub: of, cfg: cfg, path: path, log: log,
		drained: make(map[string]bool), pinned: make(map[string]string), splits: make(map[string]keptSplit),
	}
	file, err := readControl(path)
	if err != nil {
		aside, moved := ledger.SetAside(path)
		log.Error("what was drained, pinned and split otherwise cannot be read; nothing is", "error", err, "kept_as", aside, "aside_error", moved)
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
		c.log.Error("what is drained, pinned and split otherwise cannot be kept for the next start", "path", c.path, "error", err)
		return err
	}
	c.kept = text
	return nil
}

// text is what the file should hold.
func (c *control) text() ([]byte, error) {
	return json.Marshal(controlFile{
		Version: controlVersion, Drained: slices.Sorted(maps.Keys(c.drained)), Pinned: c.pinned, Splits: c.splits,
	})
}
