package relational

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/loka/stratum/internal/store"
)

// sharesAtOnce is how many single shares are read at a time.
const sharesAtOnce = 4096

// Shares implements [store.History]. A day that is dropped meanwhile ends where it
// is.
func (s *Store[T]) Shares(ctx context.Context, f store.Filter, yield func(*store.Share) error) error {
	days, err := s.engine.Days(ctx)
	if err != nil {
		return err
	}
	for _, day := range days {
		ends := day.Day.Add(store.Day.Length())
		if !f.From.IsZero() && !ends.After(f.From) || !f.To.IsZero() && !day.Day.Before(f.To) {
			continue
		}
		if err := s.sharesOfDay(ctx, &f, day.Day, yield); err != nil {
			return err
		}
	}
	return nil
}

// sharesOfDay calls yield for each of a day.
func (s *Store[T]) sharesOfDay(ctx context.Context, f *store.Filter, day time.Time, yield func(*store.Share) error) error {
	p := page{day: Table(day)}
	for more := true; more; {
		var err error
		more, err = s.somePage(ctx, f, &p)
		if s.engine.Gone(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the shares of %s: %w", day.Format("2006-01-02"), err)
		}
		for i := range p.shares {
			if err := yield(&p.shares[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// page is a part of a day's shares.
type page struct {
	day    string
	shares []store.Share
	// id and instance are the last share's; begun says that there was one.
	id       uint64
	instance int64
	begun    bool
}

// somePage reads the shares that follow and says whether there may be more.
func (s *Store[T]) somePage(ctx context.Context, f *store.Filter, p *page) (bool, error) {
	w := &where{}
	for _, join := range []string{"w.id = r.worker", "p.id = r.pool", "o.id = r.route"} {
		w.and(join)
	}
	if p.begun {
		w.and("(r.id, r.instance) > (?, ?)", int64(p.id), p.instance) //nolint:gosec // ids are below 2⁶³
	}
	s.d.between(w, "r.at", f)
	people(w, f)
	places(w, f)
	query := "SELECT r.id, r.instance, r.at, w.login, p.name, o.name, r.verdict, r.difficulty, r.reached, r.sent, r.pool_verdict, r.pool_difficulty, " +
		s.d.Amount("r.value") + ", " + s.d.Amount("r.pool_value") + " FROM " + p.day + " r CROSS JOIN workers w CROSS JOIN pools p CROSS JOIN routes o" +
		w.text() + " ORDER BY r.id, r.instance LIMIT ?"
	p.shares = p.shares[:0]
	err := s.engine.Query(ctx, query, append(w.args, sharesAtOnce), func(scan Scan) error {
		p.shares = append(p.shares, store.Share{})
		x := &p.shares[len(p.shares)-1]
		to := slices.Concat([]any{
			&x.ID, &p.instance,
			instant{&x.At},
			&x.Worker, &x.Pool, &x.Route, &x.Verdict, &x.Difficulty, &x.Reached,
			&x.Sent, &x.PoolVerdict, &x.PoolDifficulty,
		}, s.d.AmountTo(&x.Value), s.d.AmountTo(&x.PoolValue))
		p.begun = true
		err := scan(to...)
		p.id = x.ID
		return err
	})
	return len(p.shares) == sharesAtOnce, err
}

// Blocks implements [store.History].
func (s *Store[T]) Blocks(ctx context.Context, f store.Filter, most int) ([]store.Block, error) {
	w := &where{}
	for _, join := range []string{"w.id = r.worker", "p.id = r.pool", "o.id = r.route"} {
		w.and(join)
	}
	s.d.between(w, "r.at", &f)
	people(w, &f)
	places(w, &f)
	query := "SELECT r.hash, r.at, r.height, w.login, p.name, o.name, r.difficulty, r.network, r.reward, r.verdict FROM blocks r, workers w, pools p, routes o" +
		w.text() + " ORDER BY r.at DESC, r.hash DESC LIMIT ?"
	var blocks []store.Block
	err := s.engine.Query(ctx, query, append(w.args, most), func(scan Scan) error {
		var b store.Block
		if err := scan(&b.Hash, instant{&b.At}, &b.Height, &b.Worker, &b.Pool, &b.Route, &b.Difficulty, &b.Network, &b.Reward, &b.Verdict); err != nil {
			return err
		}
		blocks = append(blocks, b)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading blocks: %w", err)
	}
	return blocks, nil
}

// Workers implements [store.History]. A filter's time picks those that handed in a
// share within it or before and after it, its pool those that it has a rollup of,
// its route those that came by it last.
func (s *Store[T]) Workers(ctx context.Context, f store.Filter) ([]store.Worker, error) {
	w := &where{}
	people(w, &f)
	w.named("w.instance", "instances", f.Instance)
	w.named("w.route", "routes", f.Route)
	if f.Pool != "" {
		w.and("w.id IN (SELECT worker FROM rollups_day WHERE pool IN (SELECT id FROM pools WHERE name = ?))", Text(f.Pool))
	}
	if !f.From.IsZero() {
		w.and("w.last_share >= ?", s.d.Time(f.From))
	}
	if !f.To.IsZero() {
		w.and("w.first_share < ?", s.d.Time(f.To))
	}
	var workers []store.Worker
	err := s.engine.Query(ctx, "SELECT w.login, coalesce(o.name, ''), w.first_share, w.last_share, w.best FROM workers w LEFT JOIN routes o ON o.id = w.route"+
		w.text()+" ORDER BY w.login, w.instance", w.args, func(scan Scan) error {
		var x store.Worker
		if err := scan(&x.Login, &x.Route, instant{&x.First}, instant{&x.Last}, &x.Best); err != nil {
			return err
		}
		workers = append(workers, x)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading workers: %w", err)
	}
	return workers, nil
}
