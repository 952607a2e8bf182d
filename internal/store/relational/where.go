package relational

import (
	"strings"

	"github.com/loka/stratum/internal/store"
)

// where collects conditions.
type where struct {
	conditions []string
	args       []any
}

// and adds a condition.
func (w *where) and(condition string, args ...any) {
	w.conditions = append(w.conditions, condition)
	w.args = append(w.args, args...)
}

// named adds that a column is the number of a name; nothing if that is empty.
func (w *where) named(column, table, name string) {
	if name != "" {
		w.and(column+" IN (SELECT id FROM "+table+" WHERE name = ?)", Text(name))
	}
}

// text is the clause, empty where there is no condition.
func (w *where) text() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}

// between adds that a column is in a filter's time.
func (d *Dialect) between(w *where, column string, f *store.Filter) {
	if !f.From.IsZero() {
		w.and(column+" >= ?", d.Time(f.From))
	}
	if !f.To.IsZero() {
		w.and(column+" < ?", d.Time(f.To))
	}
}

// places adds a filter's instance, pool and route of table r.
func places(w *where, f *store.Filter) {
	w.named("r.instance", "instances", f.Instance)
	w.named("r.pool", "pools", f.Pool)
	w.named("r.route", "routes", f.Route)
}

// people adds a filter's worker and user of table w.
func people(w *where, f *store.Filter) {
	if f.Worker != "" {
		w.and("w.login = ?", Text(f.Worker))
	}
	w.named("w.user_id", "users", f.User)
}
