package sqlite_test

import (
	"crypto/rand"
	"testing"

	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/sqlite"
)

// TestFileShrinks: what waited for a store that was away leaves no large file behind,
// whether it was taken at last or had to make room.
func TestFileShrinks(t *testing.T) {
	const frames, size = 60, 1 << 20
	for name, forget := range map[string]func(*testing.T, *sqlite.Store){
		"settled": func(t *testing.T, log *sqlite.Store) {
			t.Helper()
			for n := uint64(6); n <= frames; n += 6 {
				if err := log.Settle(t.Context(), n, nil); err != nil {
					t.Fatal(err)
				}
			}
		},
		"emptied": func(t *testing.T, log *sqlite.Store) {
			t.Helper()
			for n := uint64(1); n <= frames; n++ {
				if err := log.Replace(t.Context(), store.Frame{Number: n}); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			data := make([]byte, size)
			for n := uint64(1); n <= frames; n++ {
				_, _ = rand.Read(data)
				if err := s.Append(t.Context(), store.Frame{Number: n, Shares: 1, Data: data}); err != nil {
					t.Fatal(err)
				}
			}
			before, err := s.Bytes(t.Context())
			if err != nil || before < frames*size {
				t.Fatalf("%d bytes, %v", before, err)
			}
			forget(t, s)
			// Some is kept for what comes next, in the file and in the log of writes.
			for n := uint64(1); n <= 600; n++ { // until the log of writes is taken into the file
				if err := s.Append(t.Context(), store.Frame{Number: frames + n}); err != nil {
					t.Fatal(err)
				}
			}
			if after, err := s.Bytes(t.Context()); err != nil || after > before/2 {
				t.Errorf("%d bytes of %d are left, %v", after, before, err)
			}
		})
	}
}
