package recorder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime/trace"
	"strings"
	"sync"
	"time"

	"github.com/loka/stratum/internal/atomicfile"
	"github.com/loka/stratum/internal/pace"
)

// Folder is where dumps are, in the data directory.
const Folder = "traces"

const (
	// overshoot is how many times the window's memory a dump may take at the most: the
	// runtime takes the memory for a hint.
	overshoot = 8
	// extension is of a dump's name, stamp what it begins with.
	extension, stamp = ".trace", "20060102T150405.000Z"
	// maxWhy bounds what a dump's name says of its reason.
	maxWhy = 40
)

var (
	// ErrOff is a dump of what is not recorded.
	ErrOff = errors.New("nothing is recorded: flight_recorder.enabled is false")
	// ErrBusy is a dump while another is being written.
	ErrBusy = errors.New("another dump is being written")
	// ErrSoon is a dump that nobody has asked for by name, soon after another.
	ErrSoon = errors.New("there was a dump within the last minute")
	// ErrNotFound is a dump that is not there.
	ErrNotFound = errors.New("there is no such dump")
	// errLarge ends a dump that would take too much of the disk.
	errLarge = errors.New("the dump is larger than the folder may become")
)

// Config is how much is kept.
type Config struct {
	// Enabled records.
	Enabled bool
	// Window is for how long back, Memory how much of memory that may take, in bytes;
	// Memory comes first.
	Window time.Duration
	Memory int64
	// Keep is how many dumps there may be, Disk how many bytes they may have together.
	Keep int
	Disk int64
}

// Deps are what a recorder works with.
type Deps struct {
	// Dir is the data directory.
	Dir string
	// Now is the clock.
	Now    func() time.Time
	Logger *slog.Logger
}

// Recorder records and dumps. It is safe for use by many goroutines.
type Recorder struct {
	deps Deps
	// soon spaces the dumps that something asks for by itself.
	soon pace.Pace
	// writing is held by who writes a dump.
	writing sync.Mutex
	// window is held by who reads what is recorded and by who starts or ends it: the
	// runtime's own recorder suffers no end while it is read. It is taken before mu.
	window sync.Mutex

	// mu guards what follows.
	mu     sync.Mutex
	cfg    Config
	flight *trace.FlightRecorder
	err    error
}

// New makes a recorder that does not record yet.
func New(deps Deps) *Recorder {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	return &Recorder{deps: deps}
}

// Reconfigure has it record by another configuration, from now on: what was in the
// window is gone where the window is another one. Another flight recorder in this process
// is an error, which [Recorder.Err] repeats.
func (r *Recorder) Reconfigure(cfg Config) error {
	r.window.Lock()
	defer r.window.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	same := r.flight != nil && cfg.Enabled && cfg.Window == r.cfg.Window && cfg.Memory == r.cfg.Memory
	r.cfg = cfg
	if same {
		return nil
	}
	r.halt()
	if !cfg.Enabled {
		return nil
	}
	flight := trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: cfg.Window, MaxBytes: uint64(max(cfg.Memory, 0))})
	if r.err = flight.Start(); r.err != nil {
		r.err = fmt.Errorf("start the flight recorder: %w", r.err)
		return r.err
	}
	r.flight = flight
	return nil
}

// Close ends the recording. Dumps stay.
func (r *Recorder) Close() {
	r.window.Lock()
	defer r.window.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.halt()
}

// halt ends what is recorded. r.window and r.mu are held.
func (r *Recorder) halt() {
	if r.flight != nil {
		r.flight.Stop()
	}
	r.flight, r.err = nil, nil
}

// Err is why nothing is recorded though it should be; nil is that all is well.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Enabled says that something is recorded.
func (r *Recorder) Enabled() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.flight != nil
}

// Dump writes the window into a file, for something that may happen often, such as
// alerts: within a minute of another such dump it is [ErrSoon].
func (r *Recorder) Dump(why string) error {
	if !r.Enabled() {
		return ErrOff
	}
	if !r.soon.Due(r.deps.Now()) {
		return ErrSoon
	}
	_, err := r.Write(why)
	return err
}

// Write writes the window into a file, for whoever has asked for it. It takes some
// milliseconds for a MiB, while everything goes on.
func (r *Recorder) Write(why string) (Dump, error) {
	if !r.writing.TryLock() {
		return Dump{}, ErrBusy
	}
	defer r.writing.Unlock()
	at := r.deps.Now().UTC()
	window, cfg, err := r.read()
	if err != nil {
		return Dump{}, err
	}
	d := Dump{Name: at.Format(stamp) + nameOf(why) + extension, At: at, Why: why, Bytes: int64(window.Len())}
	dir, err := r.folder()
	if err != nil {
		return Dump{}, err
	}
	if err := r.prune(cfg.Keep-1, cfg.Disk-d.Bytes); err != nil {
		return Dump{}, err
	}
	if err := atomicfile.Write(filepath.Join(dir, d.Name), window.Bytes()); err != nil {
		return Dump{}, fmt.Errorf("write the dump: %w", err)
	}
	r.deps.Logger.Info("what was done in the last seconds is in a file", "file", filepath.Join(Folder, d.Name), "why", why, "bytes", d.Bytes)
	return d, nil
}

// read is what is recorded, and by which configuration. It is gathered in memory: the
// runtime makes what it records wait for a writer, and a disk that hangs must not hold
// that up.
func (r *Recorder) read() (*bytes.Buffer, Config, error) {
	r.window.Lock()
	defer r.window.Unlock()
	r.mu.Lock()
	flight, cfg := r.flight, r.cfg
	r.mu.Unlock()
	if flight == nil {
		return nil, cfg, ErrOff
	}
	window := new(bytes.Buffer)
	if _, err := flight.WriteTo(&bounded{window, r.most(cfg)}); err != nil {
		return nil, cfg, fmt.Errorf("read the flight recorder: %w", err)
	}
	return window, cfg, nil
}

// most is how large a dump may be.
func (*Recorder) most(cfg Config) int64 {
	if cfg.Memory <= 0 {
		return cfg.Disk
	}
	return min(cfg.Disk, overshoot*cfg.Memory)
}

// bounded is a writer that takes so many bytes.
type bounded struct {
	io.Writer

	left int64
}

// Write implements [io.Writer].
func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errLarge
	}
	return b.Writer.Write(p) //nolint:wrapcheck // as it is
}

// nameOf is a reason as part of a file's name: what is no letter or digit of ASCII is a
// dash.
func nameOf(why string) string {
	words := strings.FieldsFunc(strings.ToLower(why), func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') })
	if len(words) == 0 {
		return ""
	}
	text := strings.Join(words, "-")
	return "-" + strings.TrimRight(text[:min(len(text), maxWhy)], "-")
}
