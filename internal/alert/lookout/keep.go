package lookout

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/atomicfile"
	"github.com/loka/stratum/internal/view"
)

const (
	// silencesName and historyName are the files in data_dir.
	silencesName, historyName = "silences.json", "alerts.jsonl"
	// mostEvents are remembered; the file is made anew from them when it is larger
	// than mostHistory bytes.
	mostEvents, mostHistory = 5000, 8 << 20
)

type silencesFile struct {
	Version  int             `json:"version"`
	Last     uint64          `json:"last"` // the number of the last that was made
	Silences []alert.Silence `json:"silences"`
}

// loadSilences reads those of an earlier run.
func loadSilences(dir string, log *slog.Logger) silencesFile {
	if dir == "" {
		return silencesFile{}
	}
	data, err := os.ReadFile(filepath.Join(dir, silencesName)) //nolint:gosec // the operator's own folder
	if errors.Is(err, fs.ErrNotExist) {
		return silencesFile{}
	}
	var file silencesFile
	if err == nil {
		err = json.Unmarshal(data, &file)
	}
	if err != nil {
		log.Warn("silences cannot be read: alerts are told that somebody did not want to hear", "file", silencesName, "error", err)
	}
	return file
}

func keepSilences(dir string, last uint64, all []alert.Silence) error {
	if dir == "" {
		return nil
	}
	data, err := json.Marshal(silencesFile{1, last, all})
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, silencesName), append(data, '\n'))
}

// history is what began and ended lately, in memory and in a file of a line each.
type history struct {
	path string
	log  *slog.Logger

	// Owned by the goroutine that writes: size is the file's, failed says that the last
	// lines could not be written.
	size   int64
	failed bool

	// mu guards what follows, and is not held for the disk.
	mu     sync.Mutex
	events []view.AlertEvent // the oldest first
	// pending are lines that are not in the file yet.
	pending bytes.Buffer
}

func openHistory(dir string, log *slog.Logger) *history {
	h := &history{log: log}
	if dir == "" {
		return h
	}
	h.path = filepath.Join(dir, historyName)
	if err := h.read(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("the history of alerts cannot be read", "file", historyName, "error", err)
	}
	return h
}

// read takes what is in the file; a line that is damaged, as the last one may be after
// a crash, is left out.
func (h *history) read() error {
	f, err := os.Open(h.path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(io.LimitReader(f, 4*mostHistory))
	lines.Buffer(nil, 64<<10)
	for lines.Scan() {
		var e view.AlertEvent
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			h.remember(e)
		}
	}
	if info, err := f.Stat(); err == nil {
		h.size = info.Size()
	}
	end := make([]byte, 1)
	if n, _ := f.ReadAt(end, h.size-1); n == 1 && end[0] != '\n' {
		h.pending.WriteByte('\n') // so that the next line is one of its own
	}
	return lines.Err()
}

func (h *history) remember(e view.AlertEvent) {
	if len(h.events) >= 2*mostEvents {
		h.events = slices.Delete(h.events, 0, len(h.events)-mostEvents+1)
	}
	h.events = append(h.events, e)
}

func (h *history) add(e view.AlertEvent) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remember(e)
	if h.path == "" || h.pending.Len() > mostHistory {
		return
	}
	if line, err := json.Marshal(e); err == nil {
		h.pending.Write(append(line, '\n'))
	}
}

// list is the latest first.
func (h *history) list() []view.AlertEvent {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.latest()
	slices.Reverse(all)
	return all
}

// latest are those that are kept, the oldest first. mu is held.
func (h *history) latest() []view.AlertEvent {
	return slices.Clone(h.events[max(len(h.events)-mostEvents, 0):])
}

// flush writes what is pending.
func (h *history) flush() {
	h.mu.Lock()
	lines := bytes.Clone(h.pending.Bytes())
	var all []view.AlertEvent
	if h.size+int64(len(lines)) > mostHistory {
		all = h.latest()
	}
	h.mu.Unlock()
	if len(lines) == 0 {
		return
	}
	var n int
	var err error
	if all == nil {
		n, err = h.write(lines)
	} else if err = h.rewrite(all); err == nil {
		n = len(lines)
	}
	h.mu.Lock()
	h.pending.Next(n)
	h.mu.Unlock()
	if err != nil && !h.failed {
		h.log.Warn("the history of alerts cannot be written; it goes on in memory", "file", historyName, "error", err)
	}
	h.failed = err != nil
}

// write appends lines, and says how much of them is in the file.
func (h *history) write(lines []byte) (int, error) {
	f, err := os.OpenFile(h.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := f.Write(lines)
	h.size += int64(n)
	return n, errors.Join(err, f.Close())
}

// rewrite writes the file anew, with the latest half of what may be in it.
func (h *history) rewrite(events []view.AlertEvent) error {
	var all bytes.Buffer
	for _, e := range events {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		all.Write(append(line, '\n'))
	}
	data := all.Bytes()
	if len(data) > mostHistory/2 {
		data = data[len(data)-mostHistory/2:]
		data = data[bytes.IndexByte(data, '\n')+1:]
	}
	if err := atomicfile.Write(h.path, data); err != nil {
		return err
	}
	h.size = int64(len(data))
	return nil
}
