package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/relational"
)

// place is the key of a rollup's row; the worker is 0 in those of the farm.
type place struct {
	at                  time.Time
	worker, pool, route int64
	side                store.Side
	verdict             mining.Verdict
}

// compare is the order in which rows lie in the file.
func (a place) compare(b place) int {
	return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.worker, b.worker), cmp.Compare(a.pool, b.pool), cmp.Compare(a.route, b.route),
		cmp.Compare(a.side, b.side), cmp.Compare(a.verdict, b.verdict))
}

// rollups adds a chunk's rollups to those of minutes, hours and days.
func (t *tx) rollups(ctx context.Context, l *relational.Load) error {
	cells := make(map[place]*store.Cell, len(l.Rollups))
	for i := range l.Rollups {
		r := &l.Rollups[i]
		add(cells, place{r.At, l.Names.Worker(r.Worker), l.Names.Pool(r.Pool), l.Names.Route(r.Route), r.Side, r.Verdict}, &r.Cell)
	}
	for _, step := range store.Steps() {
		cells = regroup(cells, func(p place) place {
			p.at = step.Floor(p.at)
			return p
		})
		if err := t.addCells(ctx, "rollups_"+step.String(), "worker, instance", cells, func(p place) []any { return []any{p.worker, l.Instance} }); err != nil {
			return fmt.Errorf("by the %s: %w", step, err)
		}
		farm := regroup(cells, func(p place) place {
			p.worker = 0
			return p
		})
		if err := t.addCells(ctx, "farm_"+step.String(), "instance", farm, func(place) []any { return []any{l.Instance} }); err != nil {
			return fmt.Errorf("of all workers by the %s: %w", step, err)
		}
	}
	return nil
}

// regroup adds up cells by other places.
func regroup(cells map[place]*store.Cell, to func(place) place) map[place]*store.Cell {
	out := make(map[place]*store.Cell, len(cells))
	for p, c := range cells {
		add(out, to(p), c)
	}
	return out
}

// add adds a cell to the one of a place.
func add(cells map[place]*store.Cell, p place, c *store.Cell) {
	if was, ok := cells[p]; ok {
		was.Add(c)
		return
	}
	one := *c
	cells[p] = &one
}

// addCell is what adds a cell to a row. A sum of satoshi that would not fit stays at
// the largest, as that of [mining.Amount] does.
const addCell = ` ON CONFLICT DO UPDATE SET
    shares = shares + excluded.shares,
    work = work + excluded.work,
    value_sat = CASE WHEN value_sat > 9223372036854775806 - excluded.value_sat THEN 9223372036854775807
        ELSE value_sat + excluded.value_sat + (value_pico + excluded.value_pico) / 1000000000000 END,
    value_pico = (value_pico + excluded.value_pico) % 1000000000000,
    blocks = blocks + excluded.blocks,
    best = max(best, excluded.best)`

// addCells adds cells to a table's rows in the order in which those lie.
func (t *tx) addCells(ctx context.Context, table, columns string, cells map[place]*store.Cell, values func(place) []any) error {
	places := slices.SortedFunc(maps.Keys(cells), place.compare)
	columns = "at, pool, route, side, verdict, shares, work, value_sat, value_pico, blocks, best, " + columns
	r := rows{"INSERT INTO " + table + " (" + columns + ")", addCell, strings.Count(columns, ",") + 1}
	return t.insert(ctx, r, len(places), func(i int, to []any) []any {
		p := places[i]
		to = append(to, p.at.UnixMicro(), p.pool, p.route, int64(p.side), int64(p.verdict))
		return append(appendCell(to, cells[p]), values(p)...)
	})
}

// appendCell appends a cell's columns.
func appendCell(to []any, c *store.Cell) []any {
	return append(to, i64(c.Shares), relational.Float(c.Work), c.Value.Sat, c.Value.Pico, relational.Float(c.Blocks), relational.Float(c.Best))
}
