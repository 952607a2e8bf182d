package postgres_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/postgres"
	"github.com/loka/stratum/internal/store/storetest"
	"github.com/loka/stratum/internal/testkit/pg"
)

// servers has the server of these tests.
var servers pg.Lazy

func TestMain(m *testing.M) {
	code := m.Run()
	if err := servers.Close(os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// open is a warehouse at a URL.
func open(tb testing.TB, url string) *postgres.Store {
	tb.Helper()
	s, err := postgres.New(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func TestWarehouse(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Warehouse {
		t.Helper()
		return open(t, servers.Database(t))
	})
}
