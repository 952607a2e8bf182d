package attack

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// metrics are series by their name with labels, as /metrics has them.
type metrics map[string]float64

// readMetrics reads the text format, of which only plain samples are of interest.
func readMetrics(from io.Reader) (metrics, error) {
	m := metrics{}
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		line := lines.Text()
		at := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || at < 0 {
			continue
		}
		if v, err := strconv.ParseFloat(line[at+1:], 64); err == nil {
			m[line[:at]] = v
		}
	}
	return m, lines.Err()
}

// by is what series of a name have gained since before, by the value of a label.
func (m metrics) by(before metrics, name, label string, also ...string) map[string]float64 {
	gained := map[string]float64{}
	for series, v := range m {
		labels, ok := strings.CutPrefix(series, name+"{")
		_, value, has := strings.Cut(labels, label+`="`)
		if !ok || !has || slices.ContainsFunc(also, func(part string) bool { return !strings.Contains(labels, part) }) {
			continue
		}
		value, _, _ = strings.Cut(value, `"`)
		if v -= before[series]; v > 0 {
			gained[value] += v
		}
	}
	return gained
}

// vitals are a process' figures, at one time or the most of some time.
type vitals struct {
	RSS, Heap, Goroutines, Descriptors, Miners float64
	// Live is what the collector last found in use.
	Live float64
	// Kernel is what the kernel keeps of what was sent and not read, in all TCP sockets of
	// the machine.
	Kernel float64
}

func (v *vitals) most(o vitals) {
	v.RSS, v.Heap, v.Goroutines = max(v.RSS, o.RSS), max(v.Heap, o.Heap), max(v.Goroutines, o.Goroutines)
	v.Descriptors, v.Miners = max(v.Descriptors, o.Descriptors), max(v.Miners, o.Miners)
	v.Live, v.Kernel = max(v.Live, o.Live), max(v.Kernel, o.Kernel)
}

// watch samples a proxy until it is stopped.
type watch struct {
	p      *proxy
	client *http.Client
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu   sync.Mutex
	peak vitals
	// slow is the longest that /metrics took, missed how often it did not answer.
	slow   time.Duration
	missed int
}

func startWatch(p *proxy) *watch {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch{p: p, cancel: cancel, client: &http.Client{Timeout: 5 * time.Second}}
	w.all.Go(func() {
		every(ctx, 50*time.Millisecond, func() { w.add(vitals{RSS: w.rss(), Kernel: kernelMemory()}) })
	})
	w.all.Go(func() {
		every(ctx, 500*time.Millisecond, func() {
			if v, _, err := w.now(ctx); err == nil {
				w.add(v)
			}
		})
	})
	return w
}

func every(ctx context.Context, d time.Duration, do func()) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			do()
		case <-ctx.Done():
			return
		}
	}
}

func (w *watch) stop() {
	w.cancel()
	w.all.Wait()
}

func (w *watch) add(v vitals) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.peak.most(v)
}

// take returns the most since the last take.
func (w *watch) take() (peak vitals, slow time.Duration, missed int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	peak, slow, missed = w.peak, w.slow, w.missed
	w.peak, w.slow, w.missed = vitals{}, 0, 0
	return peak, slow, missed
}

// rss is the process' resident memory in bytes.
func (w *watch) rss() float64 {
	text, err := os.ReadFile(filepath.Join(w.dir(), "statm"))
	fields := bytes.Fields(text)
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseFloat(string(fields[1]), 64)
	return pages * float64(os.Getpagesize())
}

// kernelMemory is what TCP sockets hold, in bytes.
func kernelMemory() float64 {
	text, _ := os.ReadFile("/proc/net/sockstat")
	_, tcp, _ := strings.Cut(string(text), "\nTCP:")
	tcp, _, _ = strings.Cut(tcp, "\n")
	_, pages, _ := strings.Cut(tcp, " mem ")
	n, _ := strconv.ParseFloat(strings.TrimSpace(pages), 64)
	return n * float64(os.Getpagesize())
}

// tick is what /proc counts processor time in: USER_HZ is 100.
const tick = 10 * time.Millisecond

// busy is the processor time that all processes of the machine have had, and that
// which other machines took from this one; not that of interrupts, which are the
// packets that are sent here.
func busy() time.Duration {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(text), "\n")
	var sum int
	for i, field := range strings.Fields(line) {
		const user, nice, system, steal = 1, 2, 3, 8 // fields of the line that begins with "cpu"
		if n, err := strconv.Atoi(field); err == nil && (i == user || i == nice || i == system || i == steal) {
			sum += n
		}
	}
	return time.Duration(sum) * tick
}

// cpu is the processor time that a process has had.
func cpu(pid int) time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick
}

func (w *watch) dir() string { return fmt.Sprintf("/proc/%d", w.p.PID()) }

// descriptors is how many files the process has open.
func (w *watch) descriptors() float64 {
	dir, err := os.Open(filepath.Join(w.dir(), "fd"))
	if err != nil {
		return 0
	}
	defer func() { _ = dir.Close() }()
	names, _ := dir.Readdirnames(-1)
	return float64(len(names))
}

// now reads all figures.
func (w *watch) now(ctx context.Context) (vitals, metrics, error) {
	begin := time.Now()
	m, err := w.scrape(ctx)
	if ctx.Err() == nil {
		w.mu.Lock()
		w.slow = max(w.slow, time.Since(begin))
		if err != nil {
			w.missed++
		}
		w.mu.Unlock()
	}
	if err != nil {
		return vitals{}, nil, err
	}
	return vitals{
		RSS: w.rss(), Heap: m["go_memstats_heap_inuse_bytes"], Goroutines: m["go_goroutines"],
		Descriptors: w.descriptors(), Miners: m["loka_miners_connected"],
		Live: m["go_memstats_next_gc_bytes"] / garbageFactor,
	}, m, nil
}

func (w *watch) scrape(ctx context.Context) (metrics, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.p.HTTP+"/metrics", http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	return readMetrics(resp.Body)
}
