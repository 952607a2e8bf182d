package script

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/sqlite"
)

// worked is "worked DIR": a database is made in a folder, as a proxy named farm
// would have left it that had worked for pool main on 31 January 2026 from 10 to 12.
func worked(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: worked DIR")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	ctx := context.Background()
	s, err := sqlite.Open(ctx, filepath.Join(dir, "loka.db"))
	ts.Check(err)
	ten := time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)
	c := &store.Chunk{Instance: "farm", Log: "prepared", First: 1, Last: 1}
	for i, w := range []struct {
		login string
		at    time.Time
		work  float64
		value mining.Amount
	}{
		{"alice.1", ten.Add(5 * time.Minute), 1, mining.Amount{Sat: 10, Pico: 250_000_000_000}},
		{"alice.2", ten.Add(59 * time.Minute), 1, mining.Amount{Sat: 10, Pico: 250_000_000_000}},
		{"bob", ten.Add(70 * time.Minute), 1, mining.Amount{Sat: 10, Pico: 250_000_000_000}},
		{"=cmd()", ten.Add(71 * time.Minute), 4, mining.Amount{Sat: 41}},
		{"late", ten.Add(2 * time.Hour), 100, mining.Amount{Sat: 1000}},
	} {
		for _, side := range []store.Side{store.Ours, store.Sent, store.Pools} {
			c.Rollups = append(c.Rollups, store.Rollup{
				Key:  store.Key{Worker: w.login, Pool: "main", Route: "default", Side: side, Verdict: mining.Accepted},
				Cell: store.Cell{Shares: 1, Work: w.work, Value: w.value}, At: w.at.Truncate(time.Minute),
			})
		}
		c.Shares = append(c.Shares, store.Share{
			ID: uint64(i) + 1, At: w.at, Worker: w.login, Pool: "main", Route: "default", Verdict: mining.Accepted,
			Difficulty: w.work, Value: w.value, Sent: true, PoolVerdict: mining.Accepted, PoolDifficulty: w.work, PoolValue: w.value,
		})
		c.Workers = append(c.Workers, store.Worker{Login: w.login, Route: "default", First: w.at, Last: w.at})
	}
	ts.Check(errors.Join(s.Apply(ctx, c), s.Close()))
}

// newer is "newer FILE VERSION": a database looks as if a later program had
// migrated it.
func newer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: newer FILE VERSION")
	}
	version, err := strconv.Atoi(args[1])
	ts.Check(err)
	db, err := sql.Open("sqlite", ts.MkAbs(args[0])) // the driver is package sqlite's
	ts.Check(err)
	_, err = db.Exec("INSERT INTO loka_schema (version_id, is_applied) VALUES (?, 1)", version)
	ts.Check(errors.Join(err, db.Close()))
}

// damage is "damage FILE": something has written over its first page.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: damage FILE")
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	_, err = f.WriteAt(make([]byte, 512), 0)
	ts.Check(errors.Join(err, f.Close()))
}
