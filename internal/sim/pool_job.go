package sim

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// sendJob tells a job, with the difficulty before it where that has changed.
// Jobs older than the last told are left out. c.mu is held.
func (c *poolConn) sendJob(t *template, clean bool) {
	if !c.subscribed || t.seq < c.lastSeq {
		return
	}
	c.lastSeq = t.seq
	q := c.pool.Quirks()
	if c.told != c.difficulty {
		c.send((&sv1.SetDifficulty{Difficulty: c.difficulty}).Append(nil))
		c.told = c.difficulty
	}
	if q.MalformedEvery > 0 && c.pool.notifies.Add(1)%uint64(q.MalformedEvery) == 0 {
		c.send([]byte(`{"id":null,"method":"mining.notify","params":[` + "\n"))
	}
	switch q.Clean {
	case CleanAlways:
		clean = true
	case CleanNever:
		clean = false
	case CleanNormal:
	}
	job, id := c.newJob(t, &q), c.pool.nextJobID()
	c.remember(id, job)
	if hook := c.pool.cfg.OnJob; hook != nil {
		hook(JobEvent{Mark: markOf(job.coinb1), Difficulty: job.difficulty, Clean: clean})
	}
	n := sv1.Notify{
		JobID: []byte(id), PrevHash: t.prevHash, Coinb1: job.coinb1, Coinb2: job.coinb2,
		Branches: job.branches, Version: t.version, NBits: t.nbits, NTime: t.ntime,
		Clean: clean, CleanKnown: true,
	}
	line := n.Append(nil)
	if q.Unpadded {
		line = unpad(line, t)
	}
	c.send(line)
	c.announced(t.block)
}

func (c *poolConn) newJob(t *template, q *Quirks) *poolJob {
	cfg := &c.pool.cfg
	c.sent++
	job := &poolJob{
		t: t, branches: t.branches, en1: c.en1, mask: c.mask,
		difficulty: c.difficulty, target: c.difficulty.Target(),
	}
	if q.NoBranches && t.txs == nil {
		job.branches = nil
	}
	job.coinb1, job.coinb2 = t.coinbase(coinbaseShape{
		tag: cmp.Or(q.Tag, cfg.Tag), payout: q.payout(), conn: c.id, job: c.sent, padding: q.CoinbasePadding,
		extranonce: c.en1.Len() + cfg.Extranonce2Size,
	})
	return job
}

func (c *poolConn) remember(id string, job *poolJob) {
	c.jobs[id] = job
	c.jobOrder = append(c.jobOrder, id)
	if len(c.jobOrder) > keptJobs {
		delete(c.jobs, c.jobOrder[0])
		c.jobOrder = append(c.jobOrder[:0], c.jobOrder[1:]...)
	}
}

// unpad takes the leading zeros off version, nbits and ntime.
func unpad(line []byte, t *template) []byte {
	padded := fmt.Appendf(nil, `"%08x","%08x","%08x"`, uint32(t.version), uint32(t.nbits), uint32(t.ntime))
	short := fmt.Appendf(nil, `"%x","%x","%x"`, uint32(t.version), uint32(t.nbits), uint32(t.ntime))
	return bytes.Replace(line, padded, short, 1)
}

// setDifficulty tells another difficulty in the middle of a job. c.mu is held.
func (c *poolConn) setDifficulty(d work.Difficulty) {
	lower := d < c.difficulty
	c.difficulty = d
	if lower && c.pool.cfg.DifficultyRule == DifficultyTolerant {
		for _, job := range c.jobs {
			if job.difficulty > d {
				job.difficulty, job.target = d, d.Target()
			}
		}
	}
	if c.subscribed {
		c.told = d
		c.send((&sv1.SetDifficulty{Difficulty: d}).Append(nil))
	}
}

// setMask tells another version mask. c.mu is held.
func (c *poolConn) setMask(m work.VersionMask) {
	c.mask = m
	c.send((&sv1.SetVersionMask{Mask: m}).Append(nil))
}

func (c *poolConn) changeExtranonce() {
	t := c.pool.newest()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.subscribed {
		return
	}
	c.en1Changes++
	c.en1 = c.pool.extranonce1(c.id, c.en1Changes)
	change := sv1.SetExtranonce{Extranonce1: c.en1, Extranonce2Size: c.pool.cfg.Extranonce2Size, HasSize: true}
	c.send(change.Append(nil))
	if t != nil {
		c.sendJob(t, true)
	}
}

// tick does what is due by the clock.
func (c *poolConn) tick(now time.Time, q *Quirks) {
	if c.due(&c.timers.disconnect, now, q.DisconnectEvery) {
		endConn(c.conn, q.DisconnectReset)
		return
	}
	if c.due(&c.timers.extranonce, now, q.ExtranonceEvery) {
		c.changeExtranonce()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.due(&c.timers.difficulty, now, q.DifficultyEvery) {
		c.timers.raise = !c.timers.raise
		if c.timers.raise {
			c.setDifficulty(c.difficulty * 2)
		} else {
			c.setDifficulty(c.difficulty / 2)
		}
	}
	if c.subscribed && c.due(&c.timers.chatter, now, q.ChatterEvery) {
		c.chatter(q)
	}
	c.adjust(now)
}

// due reports whether a timed quirk is to happen now, and sets its next time,
// give or take half the interval. Only the pool's ticker calls it.
func (c *poolConn) due(at *time.Time, now time.Time, every time.Duration) bool {
	if every <= 0 {
		*at = time.Time{}
		return false
	}
	first := at.IsZero()
	if !first && now.Before(*at) {
		return false
	}
	*at = now.Add(every/2 + c.pool.jitter(every))
	return !first
}

// chatter sends one of the messages that need no answer, or a pool's own
// request. c.mu is held.
func (c *poolConn) chatter(q *Quirks) {
	lines := []string{
		`{"id":null,"method":"client.show_message","params":["hello from the simulated pool"]}`,
		`{"id":9001,"method":"client.get_version","params":[]}`,
		`{"id":9002,"method":"mining.ping","params":[]}`,
	}
	switch q.Reconnect {
	case "":
	case "-":
		lines = append(lines, `{"id":null,"method":"client.reconnect","params":[]}`)
	default:
		host, port := splitHostPort(q.Reconnect)
		lines = append(lines, fmt.Sprintf(`{"id":null,"method":"client.reconnect","params":[%q,%d,1]}`, host, port))
	}
	c.send([]byte(lines[c.timers.chat%len(lines)] + "\n"))
	c.timers.chat++
}

// vardiffWindow counts shares since the difficulty was last looked at.
type vardiffWindow struct {
	since  time.Time
	shares int
}

func (w *vardiffWindow) reset(now time.Time) { w.since, w.shares = now, 0 }

// adjust moves the difficulty by powers of two towards the wanted rate of
// shares: after eight shares, or after half a minute. c.mu is held.
func (c *poolConn) adjust(now time.Time) {
	want := c.pool.cfg.SharesPerMinute
	age := now.Sub(c.vardiff.since)
	if want <= 0 || len(c.workers) == 0 || (c.vardiff.shares < 8 && age < 30*time.Second) || age < time.Second {
		return
	}
	rate := max(float64(c.vardiff.shares), 0.5) / age.Minutes()
	c.vardiff.reset(now)
	steps := math.Round(math.Log2(rate / want))
	if steps == 0 {
		return
	}
	steps = min(max(steps, -3), 6)
	c.retarget(c.difficulty * work.Difficulty(math.Exp2(steps)))
}

// retarget tells another difficulty within the bounds, and a job for it to
// hold for. c.mu is held.
func (c *poolConn) retarget(d work.Difficulty) {
	cfg := &c.pool.cfg
	if cfg.MinDifficulty > 0 {
		d = max(d, cfg.MinDifficulty)
	}
	if cfg.MaxDifficulty > 0 {
		d = min(d, cfg.MaxDifficulty)
	}
	if d == c.difficulty || !d.Valid() {
		return
	}
	c.setDifficulty(d)
	if t := c.pool.newest(); t != nil {
		c.sendJob(t, false)
	}
}
