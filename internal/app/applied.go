package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/loka/stratum/internal/atomicfile"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/httpapi"
)

// maxApplied is how many of the files that were in place are kept.
const maxApplied = 10

// applied is what is kept beside a file that was put in place.
type applied struct {
	// At is when that was.
	At time.Time `json:"at"`
	// Changes are what was different from the one before, secrets as stars.
	Changes []httpapi.Change `json:"changes"`
}

// history keeps the texts of the last files that were in place, as they were
// written: with ${NAME} unexpanded, and with such secrets as stand in them, so that
// only this user may read them. It is guarded by [App.reloading].
type history struct {
	dir string
	log *slog.Logger
}

// ids lists what is kept, oldest first.
func (h history) ids() []string {
	entries, err := os.ReadDir(h.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.log.Warn("configuration files that were in place cannot be listed", "dir", h.dir, "error", err)
	}
	var ids []string
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".toml")
		if _, err := strconv.ParseUint(id, 10, 63); ok && err == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids) // of one width
	return ids
}

// list is what is kept, newest first.
func (h history) list() []httpapi.Applied {
	ids := h.ids()
	all := make([]httpapi.Applied, 0, len(ids))
	for _, id := range slices.Backward(ids) {
		one := applied{Changes: []httpapi.Change{}}
		if err := readKept(filepath.Join(h.dir, id+".json"), &one); err != nil {
			h.log.Warn("what is known of a configuration file that was in place cannot be read", "id", id, "error", err)
		}
		all = append(all, httpapi.Applied{ID: id, At: one.At, Changes: one.Changes})
	}
	return all
}

// text is that of a file.
func (h history) text(id string) ([]byte, error) {
	if !slices.Contains(h.ids(), id) {
		return nil, fmt.Errorf("%w: %q; `loka reload --list` shows which are", httpapi.ErrNoFileKept, id)
	}
	text, err := os.ReadFile(filepath.Join(h.dir, id+".toml")) //nolint:gosec // one that is listed
	if err != nil {
		return nil, fmt.Errorf("read the file %s that was in place: %w", id, err)
	}
	return text, nil
}

// latest is the text of the newest file, nil where none is kept.
func (h history) latest() []byte {
	ids := h.ids()
	if len(ids) == 0 {
		return nil
	}
	text, _ := h.text(ids[len(ids)-1])
	return text
}

// add keeps a file that is in place now, and forgets the oldest. That it cannot is
// no reason not to go on.
func (h history) add(text []byte, changes []config.Change) {
	ids, id := h.ids(), uint64(1)
	if len(ids) > 0 {
		last, _ := strconv.ParseUint(ids[len(ids)-1], 10, 63) // it is a number
		id = last + 1
	}
	if err := h.write(fmt.Sprintf("%08d", id), text, changes); err != nil {
		h.log.Error("the configuration file that is in place now cannot be kept: there is no way back to it", "dir", h.dir, "error", err)
		return
	}
	for _, old := range ids[:max(0, len(ids)+1-maxApplied)] {
		_ = os.Remove(filepath.Join(h.dir, old+".toml"))
		_ = os.Remove(filepath.Join(h.dir, old+".json"))
	}
}

func (h history) write(id string, text []byte, changes []config.Change) error {
	about, err := json.Marshal(applied{At: time.Now().UTC(), Changes: changesOf(changes)})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(h.dir, id+".json"), about); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(h.dir, id+".toml"), text)
}
