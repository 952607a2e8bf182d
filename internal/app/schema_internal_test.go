package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loka/stratum/internal/store/migrations"
)

// halfway is a database that is stopped after some of its steps.
type halfway struct {
	has, stops int64
	stop       context.CancelFunc
}

func (*halfway) Latest() int64 { return 3 }

func (h *halfway) Migrate(ctx context.Context, _ int64) error {
	if h.has != h.stops {
		h.has = h.stops
		h.stop()
	}
	return errors.Join(errors.New("stopped"), ctx.Err())
}

func (h *halfway) Reset(ctx context.Context) error { return h.Migrate(ctx, 0) }

func (h *halfway) Status(ctx context.Context) (steps []migrations.Step, err error) {
	for v := int64(1); v <= h.Latest(); v++ {
		steps = append(steps, migrations.Step{Version: v, Applied: v <= h.has})
	}
	return steps, ctx.Err()
}

func (*halfway) Close() error { return nil }

// What a migration has dropped before it was stopped is in the record of acts; one that
// has done nothing is not.
func TestMigrationInPartIsKept(t *testing.T) {
	for what, do := range map[string]func(s *Schema, ctx context.Context) error{
		"loka database migrate": func(s *Schema, ctx context.Context) error { return s.Migrate(ctx, 0) },
		"loka database reset":   func(s *Schema, ctx context.Context) error { return s.Reset(ctx) },
	} {
		for stops, want := range map[int64]string{1: `"before":{"version":3},"after":{"version":1}`, 3: ""} {
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err := do(&Schema{schema: &halfway{3, stops, cancel}, record: dir}, ctx)
			if err == nil || !strings.Contains(err.Error(), "stopped") {
				t.Errorf("%s: %v", what, err)
			}
			kept, err := os.ReadFile(filepath.Join(dir, "audit.jsonl"))
			if (want == "") != (err != nil) || !strings.Contains(string(kept), want) || want != "" && !strings.Contains(string(kept), what) {
				t.Errorf("%s: %s, %v", what, kept, err)
			}
		}
	}
}
