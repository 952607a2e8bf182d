package relational

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/loka/stratum/internal/store"
)

// earning is the columns of an earning.
const earning = `SELECT e.id, i.name, p.name, e.reference, e.begins, e.ends, e.satoshi, e.computed, e.at
FROM earnings e JOIN instances i ON i.id = e.instance JOIN pools p ON p.id = e.pool`

// earningTo is where they are read into.
func earningTo(e *store.Earning) []any {
	return []any{&e.ID, &e.Instance, &e.Pool, &e.Reference, instant{&e.From}, instant{&e.To}, &e.Satoshi, &e.Computed, instant{&e.At}}
}

// earnings reads those that a clause picks.
func earnings(ctx context.Context, q Querier, clause string, args ...any) ([]store.Earning, error) {
	var all []store.Earning
	err := q.Query(ctx, earning+clause, args, func(scan Scan) error {
		var e store.Earning
		if err := scan(earningTo(&e)...); err != nil {
			return err
		}
		all = append(all, e)
		return nil
	})
	return all, err
}

// Earn implements [store.Payouts].
func (s *Store[T]) Earn(ctx context.Context, e store.Earning) (store.Earning, error) {
	err := s.engine.Write(ctx, func(tx T) error {
		instance, err := instanceID(ctx, tx, e.Instance)
		if err != nil {
			return err
		}
		names := newNames()
		names.Instance = instance
		if err := names.add(ctx, tx, &missing{pools: map[string]bool{Text(e.Pool): true}}); err != nil {
			return err
		}
		if err := tx.Exec(ctx, `INSERT INTO earnings (instance, pool, reference, begins, ends, satoshi, computed, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, instance, names.Pool(e.Pool), Text(e.Reference),
			s.d.Time(e.From), s.d.Time(e.To), e.Satoshi, e.Computed, s.d.Time(e.At)); err != nil {
			return err
		}
		was, err := earnings(ctx, tx, " WHERE e.instance = ? AND e.pool = ? AND e.reference = ?", instance, names.Pool(e.Pool), Text(e.Reference))
		if err != nil {
			return err
		}
		if len(was) != 1 || !same(&was[0], &e) {
			return store.ErrOther
		}
		e = was[0]
		return nil
	})
	if err != nil {
		return store.Earning{}, fmt.Errorf("entering earning %q of pool %s: %w", e.Reference, e.Pool, err)
	}
	return e, nil
}

// same says whether two earnings of one reference say the same.
func same(a, b *store.Earning) bool {
	at := func(t time.Time) int64 { return t.UnixMicro() }
	return at(a.From) == at(b.From) && at(a.To) == at(b.To) && a.Satoshi == b.Satoshi && a.Computed == b.Computed
}

// Earnings implements [store.Payouts]. A filter's time picks earnings that are for
// some of it; its worker, user and route pick nothing.
func (s *Store[T]) Earnings(ctx context.Context, f store.Filter) ([]store.Earning, error) {
	w := &where{}
	w.named("e.instance", "instances", f.Instance)
	w.named("e.pool", "pools", f.Pool)
	if !f.From.IsZero() {
		w.and("(e.ends > ? OR e.begins >= ?)", s.d.Time(f.From), s.d.Time(f.From))
	}
	if !f.To.IsZero() {
		w.and("e.begins < ?", s.d.Time(f.To))
	}
	all, err := earnings(ctx, s.engine, w.text()+" ORDER BY e.ends DESC, e.begins DESC, e.id DESC", w.args...)
	if err != nil {
		return nil, fmt.Errorf("reading earnings: %w", err)
	}
	return all, nil
}

// Distribute implements [store.Payouts]. Parts that are not sorted, or that do not
// add up to what was entered, are an error.
func (s *Store[T]) Distribute(ctx context.Context, d store.Distribution) (store.Distribution, error) {
	id, kept := d.Earning.ID, store.Distribution{}
	err := s.engine.Write(ctx, func(tx T) error {
		// The earning is locked, so that of two at once the second finds the first's.
		if err := tx.Query(ctx, "SELECT id FROM earnings WHERE id = ?"+s.d.Lock, []any{id}, func(scan Scan) error { return scan(&id) }); err != nil {
			return err
		}
		was, err := distributions(ctx, tx, id)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(was, func(w store.Distribution) bool { return w.By == d.By }); i >= 0 {
			kept = was[i]
			return nil
		}
		of, err := earnings(ctx, tx, " WHERE e.id = ?", id)
		if err != nil {
			return err
		}
		if len(of) != 1 {
			return errUnknown
		}
		if err := s.enterParts(ctx, tx, &d, &of[0]); err != nil {
			return err
		}
		kept = d
		kept.Earning, kept.At = of[0], d.At.UTC().Truncate(time.Microsecond)
		return nil
	})
	if err != nil {
		return store.Distribution{}, fmt.Errorf("distributing earning %d by %s: %w", id, d.By, err)
	}
	return kept, nil
}

// enterParts enters the parts of an earning.
func (s *Store[T]) enterParts(ctx context.Context, tx T, d *store.Distribution, of *store.Earning) error {
	var sum int64
	for _, p := range d.Parts {
		sum += p.Satoshi
	}
	if sum != of.Satoshi || !slices.IsSortedFunc(d.Parts, func(a, b store.Part) int { return cmp.Or(cmp.Compare(a.Name, b.Name), -1) }) {
		return errParts
	}
	for _, p := range d.Parts {
		if err := tx.Exec(ctx, `INSERT INTO distributions (instance, earning, "by", name, work, satoshi, at)
VALUES ((SELECT instance FROM earnings WHERE id = ?), ?, ?, ?, ?, ?, ?)`, of.ID, of.ID, d.By, Text(p.Name), Float(p.Work), p.Satoshi, s.d.Time(d.At)); err != nil {
			return fmt.Errorf("part of %q: %w", p.Name, err)
		}
	}
	return nil
}

// Distributions implements [store.Payouts].
func (s *Store[T]) Distributions(ctx context.Context, id int64) ([]store.Distribution, error) {
	all, err := distributions(ctx, s.engine, id)
	if err != nil {
		return nil, fmt.Errorf("reading distributions of earning %d: %w", id, err)
	}
	return all, nil
}

// distributions reads those of an earning.
func distributions(ctx context.Context, q Querier, id int64) ([]store.Distribution, error) {
	var all []store.Distribution
	err := q.Query(ctx, `SELECT "by", name, work, satoshi, at FROM distributions WHERE earning = ? ORDER BY "by", name`, []any{id}, func(scan Scan) error {
		var by string
		var p store.Part
		var at time.Time
		if err := scan(&by, &p.Name, &p.Work, &p.Satoshi, instant{&at}); err != nil {
			return err
		}
		if len(all) == 0 || all[len(all)-1].By != by {
			all = append(all, store.Distribution{By: by, At: at})
		}
		last := &all[len(all)-1]
		last.Parts = append(last.Parts, p)
		return nil
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	of, err := earnings(ctx, q, " WHERE e.id = ?", id)
	if err != nil {
		return nil, err
	}
	if len(of) != 1 {
		return nil, errUnknown
	}
	for i := range all {
		all[i].Earning = of[0]
	}
	return all, nil
}

// Audit implements part of [store.Upkeep].
func (s *Store[T]) Audit(ctx context.Context, instance string, a store.Act) error {
	err := s.engine.Write(ctx, func(tx T) error {
		id, err := instanceID(ctx, tx, instance)
		if err != nil {
			return err
		}
		return tx.Exec(ctx, "INSERT INTO audit (instance, at, who, what, detail) VALUES (?, ?, ?, ?, ?)",
			id, s.d.Time(a.At), Text(a.Who), Text(a.What), Text(a.Detail))
	})
	if err != nil {
		return fmt.Errorf("keeping what %s did: %w", a.Who, err)
	}
	return nil
}

// Acts implements part of [store.Upkeep]. An empty instance stands for all.
func (s *Store[T]) Acts(ctx context.Context, instance string, most int) ([]store.Act, error) {
	w := &where{}
	w.named("instance", "instances", instance)
	var acts []store.Act
	err := s.engine.Query(ctx, "SELECT at, who, what, detail FROM audit"+w.text()+" ORDER BY at DESC, id DESC LIMIT ?", append(w.args, most), func(scan Scan) error {
		var a store.Act
		if err := scan(instant{&a.At}, &a.Who, &a.What, &a.Detail); err != nil {
			return err
		}
		acts = append(acts, a)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading what was done: %w", err)
	}
	return acts, nil
}
