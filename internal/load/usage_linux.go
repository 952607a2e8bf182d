package load

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime is the processor time of this process, of user and kernel.
func CPUTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err) // the arguments are right
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Memory is what this process has in heaps and stacks once the garbage is gone, and
// what is resident of it once the system has back what is not needed, in bytes. Of a
// heap that are the objects, not the pages that they lie in: how full those are depends
// on what was there before.
func Memory() (heapAndStacks, resident float64, err error) {
	// Pools let go of what nobody has asked for at the second collection, what is cleaned
	// up goes at the one after that, and stacks that are hardly used halve with each.
	for range 4 {
		debug.FreeOSMemory() // which collects
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0, fmt.Errorf("read the resident memory: %w", err)
	}
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	var kib float64
	if _, err := fmt.Sscan(string(rest), &kib); err != nil {
		return 0, 0, fmt.Errorf("read the resident memory: %w", err)
	}
	return float64(m.HeapAlloc + m.StackInuse), kib * 1024, nil
}
