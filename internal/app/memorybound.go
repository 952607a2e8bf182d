package app

import (
	"io/fs"
	"os"
	"runtime/debug"
)

// boundPart is the part of what its cgroups allow that the runtime is told to stay below.
// The rest is for what is not its own: the binary, the kernel's buffers, pages of the
// database.
const boundPart = 0.9

// boundMemory tells the collector of what the process's cgroups allow, unless somebody
// has said GOMEMLIMIT: it works harder near it, where the kernel would end the process.
// It returns the bound in bytes, and 0 where there is none or it is not of our making.
func boundMemory(root fs.FS, environ func(string) (string, bool)) int64 {
	if said, _ := environ("GOMEMLIMIT"); said != "" {
		return 0
	}
	least := int64(0)
	for _, u := range cgroupUses(root) {
		if least == 0 || u.limit < least {
			least = u.limit
		}
	}
	if least == 0 {
		return 0
	}
	bound := int64(boundPart * float64(least))
	debug.SetMemoryLimit(bound)
	return bound
}

// heedMemory has the collector heed what the process may have.
func (a *App) heedMemory() {
	a.memoryBound = boundMemory(os.DirFS("/"), os.LookupEnv)
	if a.memoryBound > 0 {
		a.log.Info("memory is bounded by a cgroup", "collect_below", bytesText(a.memoryBound))
	}
}
