package app

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"github.com/loka/stratum/internal/view"
)

// fullMemory is the part of a limit from which on there is little left.
const fullMemory = 0.9

// memoryUse is how much is used of a bound that is called something.
type memoryUse struct {
	of          string
	used, limit int64
	// advice is what to do where it is nearly used up.
	advice string
}

// memoryLook looks at the memory that may be used.
type memoryLook struct {
	// root is the file system with the cgroups and what the kernel says of this process.
	root fs.FS
	// bound is the runtime's limit as it follows from the cgroups, which are looked at
	// themselves; 0 is none.
	bound int64
}

func newMemoryLook(bound int64) *memoryLook { return &memoryLook{os.DirFS("/"), bound} }

func (m *memoryLook) at(context.Context, time.Time) checks {
	all := append(cgroupUses(m.root), runtimeUses(m.bound)...)
	return checks{"memory": checkMemory(all)}
}

// checkMemory judges by the bound that is the nearest.
func checkMemory(all []memoryUse) view.Check {
	own := runtimeBytes()
	if len(all) == 0 {
		return view.Check{Status: view.OK, Detail: bytesText(own) + " in use; there is no limit"}
	}
	worst := all[0]
	for _, u := range all[1:] {
		if u.part() > worst.part() {
			worst = u
		}
	}
	c := view.Check{Status: view.OK, Detail: fmt.Sprintf("%s of %s in use, %s", bytesText(worst.used), bytesText(worst.limit), worst.of)}
	if worst.part() > fullMemory {
		c.Status, c.Advice = view.Degraded, worst.advice
	}
	return c
}

func (u memoryUse) part() float64 { return float64(u.used) / float64(max(u.limit, 1)) }

// runtimeUses is what the Go runtime uses of its own limit, if it has one that is not
// the bound.
func runtimeUses(bound int64) []memoryUse {
	limit := debug.SetMemoryLimit(-1)
	if limit <= 0 || limit == math.MaxInt64 || limit == bound {
		return nil
	}
	return []memoryUse{{
		"by GOMEMLIMIT", runtimeBytes(), limit,
		"raise GOMEMLIMIT, or lower access.strangers_memory and server.max_connections: near it the collector takes processor time from shares",
	}}
}

// runtimeBytes is what the Go runtime has of the system.
func runtimeBytes() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() - samples[1].Value.Uint64()) //nolint:gosec // memory is less
}

// cgroupUses are what the groups that this process is in use of their limits. What the
// kernel can take back at once, pages of files, does not count.
func cgroupUses(root fs.FS) []memoryUse {
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	var all []memoryUse
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		switch {
		case parts[0] == "0" && parts[1] == "": // version 2
			all = append(all, groupUses(root, "sys/fs/cgroup", parts[2], groupFiles{"memory.max", "memory.current", "inactive_file "})...)
		case strings.Contains(","+parts[1]+",", ",memory,"):
			all = append(all, groupUses(root, "sys/fs/cgroup/memory", parts[2], groupFiles{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "})...)
		}
	}
	return all
}

// groupFiles are the names of what a group says of its memory.
type groupFiles struct{ limit, used, inactive string }

// groupUses are those of a group and of those that it is in, as far as they have a limit.
// In a container the group's own path may be one that is not seen from there: then it is
// the root.
func groupUses(root fs.FS, mount, group string, files groupFiles) []memoryUse {
	var all []memoryUse
	for at := path.Clean("/" + group); ; at = path.Dir(at) {
		dir := path.Join(mount, at)
		limit, ok := number(root, path.Join(dir, files.limit))
		used, known := number(root, path.Join(dir, files.used))
		if ok && known && limit > 0 && limit < math.MaxInt64/2 {
			all = append(all, memoryUse{
				"by the cgroup " + cmp.Or(at, "/"), max(used-inactive(root, path.Join(dir, "memory.stat"), files.inactive), 0), limit,
				"raise its limit (MemoryMax=, docker --memory), or lower access.strangers_memory and server.max_connections: at the limit the kernel kills loka",
			})
		}
		if at == "/" {
			return all
		}
	}
}

// number reads a file that is a number; "max" is none.
func number(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

// inactive is what a group has of pages of files that were not used of late.
func inactive(root fs.FS, name, key string) int64 {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, key); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return n
		}
	}
	return 0
}
