package app

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/hub"
)

// keptSplit is a split that holds in place of what the file says, for as long as
// that is what was remembered: a split, or an order of pools, which is one part that
// asks for nothing.
type keptSplit struct {
	Split []keptPart `json:"split"`
	File  []keptPart `json:"file"`
}

// keptPart is a part of a split in the file's shape, written in one way only: a
// single pool is a list, too, and a hashrate has the largest unit. So two are the
// same if their texts are.
type keptPart struct {
	Pools    []string `json:"pools"`
	Weight   float64  `json:"weight,omitempty"`
	Hashrate string   `json:"hashrate,omitempty"`
	Worker   string   `json:"worker,omitempty"`
	When     string   `json:"when,omitempty"`
	TimeZone string   `json:"time_zone,omitempty"`
	OnDead   string   `json:"on_dead,omitempty"`
}

// filed is what the file says of a route.
func filed(r config.Route) []keptPart {
	if len(r.Split) == 0 {
		return []keptPart{{Pools: r.Pools}}
	}
	return keptParts(r.Split)
}

func keptParts(of []config.SplitPart) []keptPart {
	parts := make([]keptPart, 0, len(of))
	for _, p := range of {
		part := keptPart{Pools: p.All(), Weight: p.Weight, Worker: p.Worker, When: p.When, TimeZone: p.TimeZone, OnDead: p.Heir()}
		if p.Hashrate > 0 {
			part.Hashrate = p.Hashrate.String()
		}
		parts = append(parts, part)
	}
	return parts
}

func sameParts(a, b []keptPart) bool {
	return slices.EqualFunc(a, b, func(a, b keptPart) bool {
		if !slices.Equal(a.Pools, b.Pools) {
			return false
		}
		a.Pools, b.Pools = nil, nil
		return reflect.DeepEqual(a, b)
	})
}

// hubParts maps a split onto the hub's.
func hubParts(of []config.SplitPart) (parts []hub.PartConfig) {
	for _, p := range of {
		window, _ := p.Window() // looked at when it was read
		parts = append(parts, hub.PartConfig{
			Pools: p.All(), Weight: p.Weight, Hashrate: float64(p.Hashrate), Worker: p.Worker, Window: window, OnDead: p.Heir(),
		})
	}
	return parts
}

// SplitRoute implements [httpapi.Controller].
func (c *control) SplitRoute(route string, split []byte) (ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock() // a reload must not come in between
	r, ok := c.cfg.Load().Route(route)
	if !ok {
		return false, nil
	}
	parts, problems := config.ParseSplit(split, c.cfg.Load(), r)
	if len(problems) > 0 {
		return true, invalid(problems)
	}
	return true, c.split(r, keptParts(parts), parts)
}

// SplitByFile implements [httpapi.Controller].
func (c *control) SplitByFile(route string) (ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock() // as above
	r, ok := c.cfg.Load().Route(route)
	if !ok {
		return false, nil
	}
	return true, c.split(r, filed(r), r.Split)
}

func invalid(problems config.Problems) error {
	mistakes := make([]httpapi.Mistake, 0, len(problems))
	for _, p := range problems {
		mistakes = append(mistakes, httpapi.Mistake{Key: p.Key, Text: p.Text})
	}
	return httpapi.InvalidError{Mistakes: mistakes}
}

// split divides a route by parts, which are kept as want, unless it is so already,
// and keeps what is not as the file has it. mu is held.
func (c *control) split(r config.Route, want []keptPart, parts []config.SplitPart) error {
	file := filed(r)
	now := file
	if kept, changed := c.splits[r.Name]; changed {
		now = kept.Split
	}
	if !sameParts(want, now) {
		if err := c.hub.SetSplit(r.Name, hubParts(parts)); err != nil {
			return httpapi.InvalidError{Mistakes: []httpapi.Mistake{{Key: "split", Text: err.Error()}}}
		}
	}
	if sameParts(want, file) {
		delete(c.splits, r.Name)
	} else {
		c.splits[r.Name] = keptSplit{Split: want, File: file}
	}
	return c.keep()
}

// resplit does again what was kept of splits. forgot says that there was what
// does not hold any more.
func (c *control) resplit(kept map[string]keptSplit) (forgot bool) {
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		one := kept[name]
		r, ok := c.cfg.Load().Route(name)
		if !ok {
			forgot = true
			c.log.Warn("route was split otherwise and is not configured any more: that is forgotten", "route", name)
			continue
		}
		if !sameParts(one.File, filed(r)) {
			forgot = true
			c.log.Warn("route was split otherwise and the file has changed its pools or split since: the file's hold, the other is forgotten",
				"route", name, "forgotten", one.Split, "file", filed(r))
			continue
		}
		if err := c.splitAgain(r, one); err != nil {
			forgot = true
			c.log.Warn("route was split otherwise and cannot be so any more: that is forgotten", "route", name, "error", err)
			continue
		}
		c.splits[name] = one
	}
	return forgot
}

// splitAgain divides a route as it was kept.
func (c *control) splitAgain(r config.Route, kept keptSplit) error {
	parts, err := kept.parts(c.cfg.Load(), r)
	if err != nil {
		return err
	}
	return c.hub.SetSplit(r.Name, hubParts(parts))
}

// parts is the split, which is read as if it were asked for.
func (k *keptSplit) parts(cfg *config.Config, r config.Route) ([]config.SplitPart, error) {
	text, err := json.Marshal(map[string]any{"split": k.Split})
	if err != nil {
		return nil, err
	}
	parts, problems := config.ParseSplit(text, cfg, r)
	if len(problems) > 0 {
		return nil, problems
	}
	return parts, nil
}

// of is the split of a route in a configuration; ok is false where it holds no
// more, for the file has changed or has not got the pools.
func (k *keptSplit) of(cfg *config.Config, route string) (parts []hub.PartConfig, ok bool) {
	r, ok := cfg.Route(route)
	if !ok || !sameParts(k.File, filed(r)) {
		return nil, false
	}
	read, err := k.parts(cfg, r)
	return hubParts(read), err == nil
}
