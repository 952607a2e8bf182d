package relational

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// batch is how many names are looked up or entered by one statement.
const batch = 400

// Names are the numbers of an instance's names, as one log's last chunk left them.
type Names struct {
	Instance                      int64
	Pools, Routes, Users, Workers map[string]int64

	log string
	at  progress
}

// newNames knows none.
func newNames() *Names {
	return &Names{Pools: map[string]int64{}, Routes: map[string]int64{}, Users: map[string]int64{}, Workers: map[string]int64{}}
}

// Worker is the number of a login that a chunk has.
func (n *Names) Worker(login string) int64 { return n.Workers[Text(login)] }

// Pool is the number of a pool that a chunk has.
func (n *Names) Pool(name string) int64 { return n.Pools[Text(name)] }

// Route is the number of a route that a chunk has.
func (n *Names) Route(name string) int64 { return n.Routes[Text(name)] }

// missing is the names of a chunk that have no number yet.
type missing struct{ pools, routes, users, workers map[string]bool }

// lacking lists them.
func (n *Names) lacking(c *store.Chunk) *missing {
	m := &missing{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for i := range c.Shares {
		if s := &c.Shares[i]; s.Verdict != mining.Pending {
			n.note(m, s.Worker, s.Pool, s.Route)
		}
	}
	for i := range c.Rollups {
		r := &c.Rollups[i]
		n.note(m, r.Worker, r.Pool, r.Route)
	}
	for i := range c.Blocks {
		b := &c.Blocks[i]
		n.note(m, b.Worker, b.Pool, b.Route)
	}
	for i := range c.Workers {
		w := &c.Workers[i]
		n.noteWorker(m, w.Login)
		want(m.routes, n.Routes, w.Route)
	}
	return m
}

// none says that nothing is missing.
func (m *missing) none() bool {
	return len(m.pools)+len(m.routes)+len(m.users)+len(m.workers) == 0
}

// note notes the names of a record that have no number.
func (n *Names) note(m *missing, worker, pool, route string) {
	n.noteWorker(m, worker)
	want(m.pools, n.Pools, pool)
	want(m.routes, n.Routes, route)
}

// noteWorker notes a login, and its user, that has no number.
func (n *Names) noteWorker(m *missing, login string) {
	if want(m.workers, n.Workers, login) {
		want(m.users, n.Users, mining.NewWorker(Text(login)).User)
	}
}

// want notes a name that has no number and says so.
func want(missing map[string]bool, has map[string]int64, name string) bool {
	if _, ok := has[name]; ok {
		return false
	}
	name = Text(name)
	if _, ok := has[name]; ok {
		return false
	}
	missing[name] = true
	return true
}

// add gives numbers to the names that have none.
func (n *Names) add(ctx context.Context, tx Tx, m *missing) error {
	plain := func(name string) []any { return []any{n.Instance, name} }
	worker := func(login string) []any {
		w := mining.NewWorker(login)
		return []any{n.Instance, login, n.Users[w.User], w.Name}
	}
	for _, t := range []numbered{
		{"pools", "name", "instance, name", plain, n.Pools, m.pools},
		{"routes", "name", "instance, name", plain, n.Routes, m.routes},
		{"users", "name", "instance, name", plain, n.Users, m.users},
		{"workers", "login", "instance, login, user_id, name", worker, n.Workers, m.workers},
	} {
		for names := range slices.Chunk(slices.Sorted(maps.Keys(t.missing)), batch) {
			if err := n.number(ctx, tx, &t, names); err != nil {
				return fmt.Errorf("entering %s: %w", t.table, err)
			}
		}
	}
	return nil
}

// numbered is a table that gives numbers to names.
type numbered struct {
	table, key string
	// columns are those that enter has the values of.
	columns string
	enter   func(name string) []any
	has     map[string]int64
	missing map[string]bool
}

// number looks names up and enters those that are not there.
func (n *Names) number(ctx context.Context, tx Tx, t *numbered, names []string) error {
	if err := n.lookUp(ctx, tx, t, names); err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool { _, ok := t.has[name]; return ok })
	if len(names) == 0 {
		return nil
	}
	var args []any
	for _, name := range names {
		args = append(args, t.enter(name)...)
	}
	row := "(?" + strings.Repeat(", ?", len(args)/len(names)-1) + ")"
	values := row + strings.Repeat(", "+row, len(names)-1)
	if err := tx.Exec(ctx, "INSERT INTO "+t.table+" ("+t.columns+") VALUES "+values+" ON CONFLICT DO NOTHING", args...); err != nil {
		return err
	}
	return n.lookUp(ctx, tx, t, names)
}

// lookUp looks names up.
func (n *Names) lookUp(ctx context.Context, tx Tx, t *numbered, names []string) error {
	args := append(make([]any, 0, 1+len(names)), n.Instance)
	for _, name := range names {
		args = append(args, name)
	}
	query := "SELECT id, " + t.key + " FROM " + t.table + " WHERE instance = ? AND " + t.key + " IN (?" + strings.Repeat(", ?", len(names)-1) + ")"
	return tx.Query(ctx, query, args, func(scan Scan) error {
		var id int64
		var name string
		if err := scan(&id, &name); err != nil {
			return err
		}
		t.has[name] = id
		return nil
	})
}

// instanceID is the number of an instance, which is entered if it is new.
func instanceID(ctx context.Context, tx Tx, name string) (int64, error) {
	name = Text(name)
	id := int64(-1)
	find := func() error {
		return tx.Query(ctx, "SELECT id FROM instances WHERE name = ?", []any{name}, func(scan Scan) error { return scan(&id) })
	}
	if err := find(); err != nil || id >= 0 {
		return id, err
	}
	if err := tx.Exec(ctx, "INSERT INTO instances (name) VALUES (?) ON CONFLICT DO NOTHING", name); err != nil {
		return 0, err
	}
	err := find()
	return id, err
}
