package attack

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The farm that is attacked.
const (
	miners    = 500
	shareRate = 500.0 // a second, of all
)

// TestAttack makes every attack alone, and all of them together.
func TestAttack(t *testing.T) {
	total := wanted(t)
	sayWhere(t)
	alone := attacks()
	if only := os.Getenv("LOKA_ATTACK_ONLY"); only != "" {
		alone = slices.DeleteFunc(alone, func(a attack) bool { return !strings.Contains(a.Name(), only) })
	}
	// A quarter is for the farm and the power cycle, and all together takes twice as long.
	each := total * 3 / 4 / time.Duration(len(alone)+3)
	s := spans{before: each / 6, during: each * 4 / 6, after: each / 6}

	r := newRig(t, farmOrder{N: miners, Rate: shareRate, Newcomers: 5})
	r.spare = total / 4
	pass(time.Second)
	r.settle()
	fmt.Printf("%d miners, %.0f shares/s; the proxy has %s resident, %s of heap, %.0f goroutines, %.0f descriptors\n",
		miners, shareRate, mib(r.base.RSS), mib(r.base.Heap), r.base.Goroutines, r.base.Descriptors)
	var together []string
	for _, a := range alone {
		own := s
		if a == (fullHouse{}) {
			own.during = max(own.during, 4*time.Second) // it takes a while until it is full
		} else {
			together = append(together, a.Name())
		}
		r.attack(a.Name(), []string{a.Name()}, own).judge(t)
	}
	r.attack("all together", together, spans{before: s.before, during: 2 * s.during, after: 2 * s.after}).judge(t)
	r.attack(checks{}.Name(), []string{checks{}.Name()}, s).judgeHonest(t)
	r.memoryBack()
}

// TestFarm has one miner of 2,000 behind one address go mad.
func TestFarm(t *testing.T) {
	total := wanted(t)
	r := newRig(t, farmOrder{N: 2000, Rate: 1000, NAT: true, Newcomers: 5})
	r.settle()
	d := max(total/12, 5*time.Second)
	r.spare = 2 * d
	r.attack("a farm of 2,000 behind one address, one of them broken", []string{broken{}.Name()}, spans{d / 3, d, d / 3}).judgeHonest(t)
}

// judgeHonest is judge where what is done is no attack on the farm's address: nobody
// else of it may be turned away.
func (st *result) judgeHonest(t *testing.T) {
	t.Helper()
	st.judge(t)
	if st.did.Connects == 0 {
		t.Errorf("%s: nothing was tried", st.name)
	}
	if d := &st.during; d.Turned+d.Failures > 0 {
		t.Errorf("%s: %d newcomers were turned away, %d connects failed: %v", st.name, d.Turned, d.Failures, d.Why)
	}
}

// TestPowerCycle has 18,000 miners of one address come at once, to the proxy and to a
// server that only accepts and answers.
func TestPowerCycle(t *testing.T) {
	wanted(t)
	n := min(18_000, descriptorLimit(t)-400)
	if n < 18_000 {
		fmt.Printf("the descriptor limit is %d: %d miners instead of 18,000\n", descriptorLimit(t), n)
	}
	r := newRig(t, farmOrder{N: 100, Rate: 100})
	words, err := learn(r.proxy.Plain)
	if err != nil {
		t.Fatal(err)
	}
	farms := startChild(t, "honest", false)
	order := farmOrder{Do: "open", N: n, NAT: true, Plain: true}
	cycle := func(address string) time.Duration {
		order.Address = address
		rep := tell[farmReport](farms, order)
		if rep.Error != "" {
			t.Errorf("%s: %s", address, rep.Error)
		}
		tell[farmReport](farms, farmOrder{Do: "close"})
		return rep.Took
	}
	first := r.mark()
	ours := cycle(r.proxy.Plain)
	r.mark()
	peak, _, _ := r.watch.take()
	bare := cycle(tell[bareReport](startChild(t, "bare", false), words).Address)
	p := r.period(first)
	fmt.Printf("\npower cycle: %d miners of one address all have work after %v; a bare accept and echo of the same lines takes %v (%.2f times as long here)\n",
		n, ours.Round(time.Millisecond), bare.Round(time.Millisecond), ours.Seconds()/bare.Seconds())
	fmt.Printf("  RSS at most %s; 100 others meanwhile: %d disconnects, verdicts p50 %s  p99 %s\n", mib(peak.RSS), p.Disconnects, ms(quantile(p.Verdicts, 0.5)), ms(quantile(p.Verdicts, 0.99)))
	if p.Disconnects > 0 {
		t.Errorf("miners that were at work were disconnected %d times: %v", p.Disconnects, p.Why)
	}
}

// settle takes what the proxy has when nothing happens to it.
func (r *rig) settle() {
	r.t.Helper()
	r.base, _ = r.figures()
	for range 5 {
		pass(100 * time.Millisecond)
		v, _ := r.figures()
		r.base.most(v)
	}
}

// kept is how much more the proxy may have in use after all attacks than before, by
// design: the shares of a block that never ends here, the names and addresses of the day,
// the windows of the profile and of the books, and buffers that are used again. It was
// 15 to 22 MiB after a minute of attacks and 23 MiB after five, and did not grow in the four
// minutes that followed; the attacks themselves take up to 180 MiB.
const kept = 32 << 20

// memoryBack waits until what is in use is what it was, but for what is kept, as the
// collector finds it: when it next runs, every two minutes at the latest. The runtime
// gives pages back to the system slowly, and not all: that is shown.
func (r *rig) memoryBack() {
	r.t.Helper()
	most := r.base.Live + kept
	begin, v := time.Now(), vitals{}
	await(r.t, fmt.Sprintf("less than %s of memory to be in use again", mib(most)), 4*patience, func() bool {
		pass(100 * time.Millisecond)
		v, _ = r.figures()
		return v.Live < most
	})
	fmt.Printf("\nmemory is back after %v: in use %s (at first %s), RSS %s (at first %s)\n",
		time.Since(begin).Round(time.Millisecond), mib(v.Live), mib(r.base.Live), mib(v.RSS), mib(r.base.RSS))
}

// descriptorLimit is how many files a process may have open.
func descriptorLimit(t *testing.T) int {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return int(limit.Max)
}

// sayWhere prints the machine, and what it does not allow.
func sayWhere(t *testing.T) {
	t.Helper()
	load, _ := os.ReadFile("/proc/loadavg")
	var name unix.Utsname
	_ = unix.Uname(&name)
	fmt.Printf("%d cores, Linux %s, %s, load before %sattackers are held to one core by sched_setaffinity; at most %d descriptors a process\n",
		runtime.NumCPU(), unix.ByteSliceToString(name.Release[:]), runtime.Version(), load, descriptorLimit(t))
	if os.Getuid() != 0 {
		fmt.Printf("the miners cannot be given nice %d without being root: their figures have their own waiting for a core in them\n", minerPriority)
	}
	if most := descriptorLimit(t); most < 20_000 {
		fmt.Printf("the descriptor limit is %d: attacks that hold more connections hold as many as it allows\n", most)
	}
}
