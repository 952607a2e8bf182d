package relational

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/loka/stratum/internal/store"
)

// source is what rollups of a filter are read from: the start of the statement, a
// table or a join of r and, where workers are asked for, w.
//
// Rollups lie by time. A worker's are looked up at each step at which the farm has
// any, which the database must not do the other way round: it would read those of
// all workers.
func (s *Store[T]) source(f *store.Filter, step store.Step, workers bool) (with, from string, w *where) {
	w = &where{}
	name := step.String()
	switch {
	case f.Worker != "" || f.User != "":
		s.d.between(w, "at", f)
		with = "WITH steps AS MATERIALIZED (SELECT DISTINCT at FROM farm_" + name + w.text() + ") "
		from = " FROM steps CROSS JOIN workers w CROSS JOIN rollups_" + name + " r"
		w.conditions = nil // the arguments come first
		w.and("r.at = steps.at")
		w.and("r.worker = w.id")
		people(w, f)
	case workers:
		from = " FROM rollups_" + name + " r CROSS JOIN workers w"
		w.and("w.id = r.worker")
		s.d.between(w, "r.at", f)
	default:
		from = " FROM farm_" + name + " r"
		s.d.between(w, "r.at", f)
	}
	places(w, f)
	return with, from, w
}

// Series implements [store.History].
func (s *Store[T]) Series(ctx context.Context, f store.Filter, step store.Step) ([]store.Point, error) {
	with, from, w := s.source(&f, step, false)
	query := with + "SELECT r.at, r.side, r.verdict, " + s.d.cellColumns(true) + from + w.text() +
		" GROUP BY r.at, r.side, r.verdict ORDER BY r.at, r.side, r.verdict"
	var points []store.Point
	err := s.engine.Query(ctx, query, w.args, func(scan Scan) error {
		var p store.Point
		if err := scan(append([]any{instant{&p.At}, &p.Side, &p.Verdict}, s.d.cellTo(&p.Cell, true)...)...); err != nil {
			return err
		}
		points = append(points, p)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading a series by the %s: %w", step, err)
	}
	return points, nil
}

// Sums implements [store.History].
func (s *Store[T]) Sums(ctx context.Context, f store.Filter, step store.Step, by store.Group) ([]store.Sum, error) {
	with, from, w := s.source(&f, step, by.Worker || by.User)
	var columns []string
	if by.Worker {
		columns = append(columns, "w.login")
	}
	if by.Worker || by.User {
		from += " CROSS JOIN users u"
		w.and("u.id = w.user_id")
		columns = append(columns, "u.name")
	}
	if by.Pool {
		from += " CROSS JOIN pools p"
		w.and("p.id = r.pool")
		columns = append(columns, "p.name")
	}
	if by.Route {
		from += " CROSS JOIN routes o"
		w.and("o.id = r.route")
		columns = append(columns, "o.name")
	}
	keys := strings.Join(append(columns, "r.side", "r.verdict"), ", ")
	query := with + "SELECT " + keys + ", " + s.d.cellColumns(true) + from + w.text() + " GROUP BY " + keys + " ORDER BY " + keys
	var sums []store.Sum
	err := s.engine.Query(ctx, query, w.args, func(scan Scan) error {
		var sum store.Sum
		if err := scan(s.sumTo(&sum, by)...); err != nil {
			return err
		}
		sums = append(sums, sum)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading sums by the %s: %w", step, err)
	}
	return sums, nil
}

// sumTo is where a sum's columns are read into.
func (s *Store[T]) sumTo(sum *store.Sum, by store.Group) []any {
	var to []any
	if by.Worker {
		to = append(to, &sum.Worker)
	}
	if by.Worker || by.User {
		to = append(to, &sum.User)
	}
	if by.Pool {
		to = append(to, &sum.Pool)
	}
	if by.Route {
		to = append(to, &sum.Route)
	}
	return append(append(to, &sum.Side, &sum.Verdict), s.d.cellTo(&sum.Cell, true)...)
}

// stepsAtOnce is how many steps of one worker's rollups are read at a time; of all
// workers' it is one.
const stepsAtOnce = 500

// Rollups implements [store.History].
func (s *Store[T]) Rollups(ctx context.Context, f store.Filter, step store.Step, yield func(*store.Rollup) error) error {
	length := step.Length()
	if f.Worker != "" {
		length *= stepsAtOnce
	}
	for at := f; ; at.From = at.To {
		at.To = f.To
		begins, err := s.nextStep(ctx, &at, step)
		if err != nil {
			return fmt.Errorf("reading rollups by the %s: %w", step, err)
		}
		if begins.IsZero() {
			return nil
		}
		at.From, at.To = begins, begins.Add(length)
		if !f.To.IsZero() && at.To.After(f.To) {
			at.To = f.To
		}
		some, err := s.someRollups(ctx, &at, step)
		if err != nil {
			return fmt.Errorf("reading rollups by the %s: %w", step, err)
		}
		for i := range some {
			if err := yield(&some[i]); err != nil {
				return err
			}
		}
	}
}

// nextStep is the first step in a filter's time at which there is a rollup; the
// zero time if there is none.
func (s *Store[T]) nextStep(ctx context.Context, f *store.Filter, step store.Step) (at time.Time, err error) {
	w := &where{}
	s.d.between(w, "r.at", f)
	places(w, f)
	err = s.engine.Query(ctx, "SELECT r.at FROM farm_"+step.String()+" r"+w.text()+" ORDER BY r.at LIMIT 1", w.args, func(scan Scan) error { return scan(instant{&at}) })
	return at, err
}

// someRollups are those of a filter.
func (s *Store[T]) someRollups(ctx context.Context, f *store.Filter, step store.Step) ([]store.Rollup, error) {
	with, from, w := s.source(f, step, true)
	w.and("p.id = r.pool")
	w.and("o.id = r.route")
	query := with + "SELECT r.at, w.login, p.name, o.name, r.side, r.verdict, " + s.d.cellColumns(false) +
		from + " CROSS JOIN pools p CROSS JOIN routes o" + w.text() + " ORDER BY r.at, w.login, p.name, o.name, r.side, r.verdict"
	var some []store.Rollup
	err := s.engine.Query(ctx, query, w.args, func(scan Scan) error {
		var r store.Rollup
		to := append([]any{instant{&r.At}, &r.Worker, &r.Pool, &r.Route, &r.Side, &r.Verdict}, s.d.cellTo(&r.Cell, false)...)
		if err := scan(to...); err != nil {
			return err
		}
		some = append(some, r)
		return nil
	})
	return some, err
}
