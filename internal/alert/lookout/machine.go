package lookout

import (
	"context"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/process"

	"github.com/loka/stratum/internal/alert"
)

// machineEvery is how old what is known of the machine may be: descriptors are counted
// one by one.
const machineEvery = 15 * time.Second

// Machine reads what this machine has left. It is for one goroutine.
type Machine struct {
	dir    string
	self   *process.Process // nil where it cannot be asked
	latest alert.Machine
	at     time.Time
}

// NewMachine looks at this process, and at the file system that a folder is on.
func NewMachine(dir string) *Machine {
	m := &Machine{dir: dir}
	if self, err := process.NewProcess(int32(os.Getpid())); err == nil { //nolint:gosec // it is one
		m.self = self
	}
	return m
}

// Read is what is known; what cannot be read is 0.
func (m *Machine) Read(now time.Time) alert.Machine {
	if !m.at.IsZero() && now.Sub(m.at) < machineEvery {
		return m.latest
	}
	m.at = now
	ctx := context.Background()
	out := alert.Machine{Goroutines: float64(runtime.NumGoroutine())}
	if usage, err := disk.UsageWithContext(ctx, m.dir); err == nil {
		out.DiskFree, out.DiskTotal = float64(usage.Free), float64(usage.Total)
	}
	out.MemoryLimit = memoryLimit(ctx)
	m.readSelf(ctx, &out)
	m.latest = out
	return out
}

// readSelf reads what this process takes and may take.
func (m *Machine) readSelf(ctx context.Context, out *alert.Machine) {
	if m.self == nil {
		return
	}
	if used, err := m.self.MemoryInfoWithContext(ctx); err == nil {
		out.Memory = float64(used.RSS)
	}
	if n, err := m.self.NumFDsWithContext(ctx); err == nil {
		out.Files = float64(n)
	}
	limits, err := m.self.RlimitWithContext(ctx)
	if err != nil {
		return
	}
	for _, l := range limits {
		if l.Resource == process.RLIMIT_NOFILE {
			out.FilesLimit = float64(l.Soft)
		}
	}
}

// memoryLimit is the least of what Go was told, what the container has, and what there
// is.
func memoryLimit(ctx context.Context) float64 {
	least := math.Inf(1)
	if all, err := mem.VirtualMemoryWithContext(ctx); err == nil && all.Total > 0 {
		least = float64(all.Total)
	}
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		least = min(least, float64(limit))
	}
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if limit, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64); err == nil && limit > 0 {
			least = min(least, limit)
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return least
}
