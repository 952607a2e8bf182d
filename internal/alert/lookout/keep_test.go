package lookout

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/view"
)

// Silences and the history are there after a restart, but for lines that are damaged;
// the file is bounded.
func TestKept(t *testing.T) {
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	s := alert.Silence{ID: "s1", Matchers: []alert.Matcher{{Label: "name", Glob: "x"}}, Since: epoch, Until: epoch.Add(time.Hour), By: "ops"}
	if err := keepSilences(dir, 7, []alert.Silence{s}); err != nil {
		t.Fatal(err)
	}
	file := loadSilences(dir, log)
	if got := file.Silences; file.Last != 7 || len(got) != 1 || got[0].ID != "s1" || !got[0].Until.Equal(s.Until) || got[0].Matchers[0].Glob != "x" {
		t.Errorf("%+v", file)
	}
	h := openHistory(dir, log)
	h.add(view.AlertEvent{At: epoch, ID: "a"})
	h.add(view.AlertEvent{At: epoch, ID: "b"})
	h.flush()
	path := filepath.Join(dir, historyName)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("{\"id\":"); err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	if got := openHistory(dir, log).list(); len(got) != 2 || got[0].ID != "b" {
		t.Errorf("%+v", got)
	}
	h = openHistory(dir, log)
	h.add(view.AlertEvent{At: epoch, ID: "c"})
	h.flush()
	if got := openHistory(dir, log).list(); len(got) != 3 || got[0].ID != "c" {
		t.Errorf("after a line that was not written whole: %+v", got)
	}
	h.size = mostHistory
	h.add(view.AlertEvent{At: epoch, ID: "d"})
	h.flush()
	if got := openHistory(dir, log).list(); len(got) != 4 || h.size > 10_000 {
		t.Errorf("%d bytes, %+v", h.size, got)
	}
}
