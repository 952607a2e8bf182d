package config

import (
	"net/url"
	"strings"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Bounds of what is kept.
const (
	minKeep      = time.Hour
	minDisk Size = 64 << 20
)

// checkStorage checks the [storage] table.
func (l *loader) checkStorage(s Storage) {
	l.checkDatabase("storage.url", s.URL)
	if s.KeepShares < minKeep && s.KeepShares != 0 {
		l.add("storage.keep_shares", `%s is out of range; write a duration of at least "1h", or "0s" to keep no single shares`,
			l.quote("storage.keep_shares", s.KeepShares))
	}
	if s.KeepMinutes < minKeep {
		l.add("storage.keep_minutes", `%s is out of range; write a duration of at least "1h", such as "720h"`,
			l.quote("storage.keep_minutes", s.KeepMinutes))
	}
	if s.MaxDisk < minDisk {
		l.add("storage.max_disk", `%s is out of range; write a size of at least "64MiB", such as "10GiB"`,
			l.quote("storage.max_disk", s.MaxDisk))
	}
}

// checkDatabase checks a database's URL.
func (l *loader) checkDatabase(at string, database mining.Secret) {
	if text := DatabaseProblem(database, l.database); text != "" {
		l.add(at, "%s", text)
	}
}

// DatabaseProblem says what is wrong with a database's URL, and what would be right;
// empty: nothing is. driver is the one of [Options]. There may be a password anywhere
// in a text that is no URL, so nothing of it is echoed.
func DatabaseProblem(database mining.Secret, driver func(string) error) string {
	if database == "" {
		return ""
	}
	//nolint:gosec // there is no password in it
	const right = `; write "postgres://USER:PASSWORD@HOST:5432/DATABASE", or "" for SQLite in data_dir`
	u, err := url.Parse(database.Reveal())
	switch {
	case err != nil || strayAt(database.Reveal()):
		return "not a URL" + right + "; in user and password @ is written %40, : %3A, / %2F and % %25"
	case u.Scheme != "postgres" && u.Scheme != "postgresql":
		return "not a PostgreSQL database" + right
	case u.Hostname() == "" && u.Query().Get("host") == "":
		return "no host named" + right + "; ?host=/var/run/postgresql names the folder of a socket"
	}
	if driver != nil {
		if err := driver(database.Reveal()); err != nil {
			return err.Error() + right
		}
	}
	return ""
}

// strayAt says that there is an @ where only one of a password can be that is not
// written %40: a second one, or one after a / or ? of a password. Whoever connects
// would take what is before or after it for a host or a database, and name it.
func strayAt(database string) bool {
	_, rest, _ := strings.Cut(database, "://")
	server, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(server, "/")
	name, _, _ := strings.Cut(query, "=")
	return strings.Count(authority, "@") > 1 || strings.Contains(path+name, "@")
}

// noteInertStorage remarks on what of the store has no effect.
func (l *loader) noteInertStorage(s Storage) {
	if s.Archive && s.KeepShares == 0 {
		l.note("storage.archive", `has no effect with keep_shares = "0s"`)
	}
}
