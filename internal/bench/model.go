package bench

import (
	"cmp"
	"slices"
	"time"

	"github.com/loka/stratum/internal/listen"
)

// Coefficients are what one thing of each kind costs, as it was measured with so many
// miners on this machine. Processor time is in seconds, memory in bytes.
type Coefficients struct {
	Miners int `json:"miners"`
	// BaseCPU is of a second without miners, MinerCPU of a second of a miner that is
	// silent, ShareCPU of a share with all that becomes of it, and JobCPU of a job on
	// its way to one miner.
	BaseCPU  float64 `json:"base_cpu_seconds"`
	MinerCPU float64 `json:"miner_cpu_seconds"`
	ShareCPU float64 `json:"share_cpu_seconds"`
	JobCPU   float64 `json:"job_cpu_seconds"`
	// BaseMemory is objects and stacks without miners, MinerMemory of a miner that has had
	// shares, KernelMemory what the kernel has for its socket.
	BaseMemory   float64 `json:"base_memory_bytes"`
	MinerMemory  float64 `json:"miner_memory_bytes"`
	KernelMemory float64 `json:"kernel_memory_bytes"`
	// Fanout is how much later the last miner has a new block's work for each miner that
	// there is, FanoutBase what it takes however few there are, in seconds.
	Fanout     float64 `json:"fanout_seconds"`
	FanoutBase float64 `json:"fanout_base_seconds"`
	// ShareUp and ShareDown are the bytes of a share and of its answer, JobDown those of
	// a job, without what TCP and IP put around them.
	ShareUp   float64 `json:"share_up_bytes"`
	ShareDown float64 `json:"share_down_bytes"`
	JobDown   float64 `json:"job_down_bytes"`
}

// Farm is how many miners there are and what they do.
type Farm struct {
	Miners          int     `json:"miners"`
	SharesPerMinute float64 `json:"shares_per_minute"`
	// JobEvery is how many seconds pass between a miner's jobs.
	JobEvery float64 `json:"job_every_seconds"`
}

// shares and jobs are all that there are in a second; a job counts once for each miner.
func (f Farm) shares() float64 { return float64(f.Miners) * f.SharesPerMinute / 60 }

func (f Farm) jobs() float64 { return float64(f.Miners) / f.JobEvery }

// Demand is what a farm takes of a machine.
type Demand struct {
	// Processors are how many are busy.
	Processors float64 `json:"processors"`
	// Memory is heap, stacks and as much again for garbage, which is when the collector
	// begins, and the kernel's sockets, in bytes.
	Memory float64 `json:"memory_bytes"`
	// Fanout is when the last miner has a new block's work, in seconds.
	Fanout float64 `json:"fanout_seconds"`
	// Up and Down are bytes a second from and to the miners.
	Up   float64 `json:"up_bytes_per_second"`
	Down float64 `json:"down_bytes_per_second"`
}

// Predict says what a farm takes.
func (c *Coefficients) Predict(f Farm) Demand {
	n := float64(f.Miners)
	return Demand{
		Processors: c.BaseCPU + n*c.MinerCPU + f.shares()*c.ShareCPU + f.jobs()*c.JobCPU,
		Memory:     withGarbage*(c.BaseMemory+n*c.MinerMemory) + n*c.KernelMemory,
		Fanout:     c.FanoutBase + n*c.Fanout,
		Up:         f.shares() * c.ShareUp,
		Down:       f.shares()*c.ShareDown + f.jobs()*c.JobDown,
	}
}

// withGarbage is how many times what is in use a process comes to have: the collector
// begins when there is as much garbage again (GOGC=100).
const withGarbage = 2

// Machine is what a proxy may have. What is 0 is not known, and bounds nothing.
type Machine struct {
	Processors int     `json:"processors"`
	Memory     float64 `json:"memory_bytes"`
	// Files are how many descriptors a process may have, MaxConnections and
	// StartsPerSecond are the configuration's.
	Files           uint64 `json:"open_files"`
	MaxConnections  int    `json:"max_connections"`
	StartsPerSecond int    `json:"starts_per_second"`
}

// What a farm may take of a machine. The rest is for what a measurement on loopback
// does not see: network cards, the API's readers, the machine's other work, and the room
// that the pages of a heap have between its objects.
const (
	cpuPart    = 0.5
	memoryPart = 0.75
	// fanoutMost is when the last miner is to have a new block's work: a miner's share
	// of the time between blocks that is lost by it is below one in 2,000.
	fanoutMost = 250 * time.Millisecond
)

// What names what limits a farm.
type What string

// What limits a farm.
const (
	OpenFiles   What = "open files"
	Fanout      What = "fan-out of a new block"
	Processors  What = "processors"
	Memory      What = "memory"
	Connections What = "server.max_connections"
)

// Limit is how many miners one thing allows.
type Limit struct {
	What   What `json:"what"`
	Miners int  `json:"miners"`
}

// Limits are what bounds farms of a kind on a machine, the narrowest first.
func (c *Coefficients) Limits(f Farm, m Machine) []Limit {
	var all []Limit
	add := func(what What, known bool, left, each float64) {
		if known && each > 0 {
			const most = 1e9
			all = append(all, Limit{what, int(min(max(left/each*(1+1e-12), 0), most))}) // a whole number may come out a little below it
		}
	}
	f.Miners = 0
	none := c.Predict(f)
	f.Miners = 1
	one := c.Predict(f)
	add(OpenFiles, m.Files > 0, float64(listen.ClampConnections(0, m.Files, 1)), 1)
	add(Connections, m.MaxConnections > 0, float64(m.MaxConnections), 1)
	add(Processors, m.Processors > 0, cpuPart*float64(m.Processors)-none.Processors, one.Processors-none.Processors)
	add(Memory, m.Memory > 0, memoryPart*m.Memory-none.Memory, one.Memory-none.Memory)
	add(Fanout, true, fanoutMost.Seconds()-none.Fanout, one.Fanout-none.Fanout)
	slices.SortStableFunc(all, func(a, b Limit) int { return cmp.Compare(a.Miners, b.Miners) })
	return all
}

// Instances are how many proxies, each on such a machine, a farm needs, and how many
// miners each has then.
func Instances(miners, each int) (instances, minersEach int) {
	if each <= 0 || miners <= 0 {
		return 0, 0
	}
	instances = (miners + each - 1) / each
	return instances, (miners + instances - 1) / instances
}
