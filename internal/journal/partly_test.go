package journal

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/sqlite"
)

// shareFrames makes frames of one share each.
func (r *rig) shareFrames(n int) {
	r.t.Helper()
	for range n {
		r.share("alice", 10, epoch)
		r.books.Tick(epoch)
		if err := r.j.write(context.Background()); err != nil {
			r.t.Fatal(err)
		}
	}
}

// failing fails at the n-th call of a kind.
func failing(what string, n int) func(string) (before, after error) {
	return func(called string) (before, after error) {
		if called != what {
			return nil, nil
		}
		if n--; n == 0 {
			return errAway, nil
		}
		return nil, nil
	}
}

// TestPartlyTakenIsCountedOnce: of a chunk of which the store has a part some frames may
// have been counted while it was away, and others not.
func TestPartlyTakenIsCountedOnce(t *testing.T) {
	r := newRig(t, Config{KeepShares: keep})
	r.start(epoch)
	r.shareFrames(6)
	r.house.parts, r.house.fail = 1, failing("apply", 3)
	if r.j.shipAll(t.Context()) == nil {
		t.Fatal("there is no error")
	}
	r.j.room = 1
	r.disk.fail = failing("count", 3)
	if r.j.countAll(t.Context()) == nil {
		t.Fatal("there is no error")
	}
	if r.disk.counted != 2 || r.disk.offered != 6 {
		t.Fatalf("%d frames are counted, %d offered", r.disk.counted, r.disk.offered)
	}
	r.disk.fail, r.house.fail = nil, nil
	r.shareFrames(2)
	if err := r.j.shipAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.start(epoch)
	if got, has := accepted(r.books, epoch), r.house.count(); got != 8 || has != 8 || !agree(r.house.sums(), r.books, epoch) {
		t.Errorf("the books have %d shares, the store %d, want 8", got, has)
	}
}

// TestPartlyTakenAndUnheardOf: a store that has a part of a chunk is given the rest as what
// it was, even if another one was asked in between. Where that one was given some of the
// chunk, which is forgotten here, the rest stays out.
func TestPartlyTakenAndUnheardOf(t *testing.T) {
	for name, c := range map[string]struct {
		between func(r *rig)
		whole   bool
	}{
		"nothing in between": {func(*rig) {}, true},
		"another one, which takes nothing": {func(r *rig) {
			r.house.fail = failing("apply", 1)
			_ = r.j.shipAll(context.Background())
		}, true},
		"another one, which takes some": {func(r *rig) {
			r.j.room = 1
			_, _ = r.j.shipSome(context.Background(), math.MaxUint64)
		}, false},
	} {
		r := newRig(t, Config{KeepShares: keep})
		r.start(epoch)
		r.shareFrames(5)
		r.ship(epoch)
		r.shareFrames(4)
		first := r.house
		first.parts, first.fail = 1, failing("apply", 3) // it has two sums of three then
		if r.j.shipAll(t.Context()) == nil {
			t.Fatal("there is no error")
		}
		first.fail = nil
		if taken, err := first.Shipped(t.Context(), "here", "log-1"); err != nil || taken != (store.Taken{Last: 5, Partly: 9}) {
			t.Fatalf("%s: taken is %+v, %v", name, taken, err)
		}
		if name != "nothing in between" {
			r.house = newWarehouse()
		}
		r.start(epoch)
		c.between(r)
		r.house = first
		r.start(epoch)
		r.shareFrames(3)
		r.ship(epoch)
		if agree(first.sums(), r.books, epoch) != c.whole {
			t.Errorf("%s: the first has %+v", name, first.sums())
		}
		for k, sum := range first.sums() {
			if sum.Shares > 12 {
				t.Errorf("%s: the first has %d shares of 12 of %+v", name, sum.Shares, k)
			}
		}
		if told := strings.Contains(r.log.String(), "what it lacks of that stays out"); told == c.whole {
			t.Errorf("%s: the log says\n%s", name, r.log.String())
		}
		if got := accepted(r.books, epoch); got != 12 {
			t.Errorf("%s: the books have %d shares, want 12", name, got)
		}
	}
}

// TestPartlyTakenByTheSameFile: a large farm's chunk, of which the database has taken a part
// when the process ends, is there whole after the next start.
func TestPartlyTakenByTheSameFile(t *testing.T) {
	const workers = 4000
	path := filepath.Join(t.TempDir(), "loka.db")
	beside, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = beside.Close() }()
	run := func(do func(j *Journal, books *ledger.Ledger, disk *sqlite.Store)) {
		t.Helper()
		disk, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		j, err := New(t.Context(), Config{Instance: "here", KeepShares: keep}, Deps{Disk: disk, Warehouse: disk})
		if err != nil {
			t.Fatal(err)
		}
		books := ledger.New(ledger.Config{Sink: j}, epoch)
		if err := j.Restore(t.Context(), books, epoch); err != nil {
			t.Fatal(err)
		}
		do(j, books, disk)
		if err := disk.Close(); err != nil {
			t.Fatal(err)
		}
	}
	exec := func(statement string) {
		t.Helper()
		if _, err := beside.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	run(func(j *Journal, books *ledger.Ledger, disk *sqlite.Store) {
		for w := range workers {
			at := books.Worker(fmt.Sprint("farm.", w), "farm", epoch)
			books.Record(ledger.Entry{Worker: at, Verdict: mining.Accepted, Difficulty: 8, ShareDifficulty: 9, At: epoch})
			books.Record(ledger.Entry{Worker: at, Verdict: mining.Stale, Difficulty: 8, ShareDifficulty: 9, At: epoch.Add(time.Minute)})
		}
		j.flush(t.Context(), epoch)
		exec("CREATE TRIGGER stop BEFORE UPDATE ON shipped WHEN new.done > 5000 BEGIN SELECT raise(ABORT, 'stop'); END")
		if err := j.shipAll(t.Context()); err == nil {
			t.Error("it was taken whole")
		}
		exec("DROP TRIGGER stop")
		if taken, err := disk.Shipped(t.Context(), "here", disk.ID()); err != nil || taken != (store.Taken{Partly: 1}) {
			t.Errorf("taken is %+v, %v", taken, err)
		}
	})
	run(func(j *Journal, books *ledger.Ledger, disk *sqlite.Store) {
		if err := j.shipAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		sums, err := disk.Sums(t.Context(), store.Filter{}, store.Minute, store.Group{})
		if err != nil || len(sums) != 2 || sums[0].Shares != workers || sums[1].Shares != workers {
			t.Errorf("%+v, %v", sums, err)
		}
		if ours := books.Total(epoch).Tally.Ours; ours.Accepted() != workers || ours.Of(mining.Stale) != workers {
			t.Errorf("the books have %d and %d of %d", ours.Accepted(), ours.Of(mining.Stale), workers)
		}
	})
}
