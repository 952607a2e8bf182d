package bench

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/loka/stratum/internal/figures"
)

// noticeable is how many processors other work may use before it is mentioned.
const noticeable = 0.2

// Write writes a result for people.
func (r *Result) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "loka %s on %s; measured in %.0f s, on loopback\n\n", r.Version, r.Machine.text(), r.Took)
	if r.Note != "" {
		fmt.Fprintf(&b, "%s\n\n", r.Note)
	}
	if r.Others > noticeable {
		fmt.Fprintf(&b, "Other work on this machine used %.1f processors meanwhile: the figures are worse than they would be without.\n\n", r.Others)
	}
	r.writeSides(&b)
	r.writeCompared(&b)
	r.writeCarries(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (m *Machine) text() string {
	parts := []string{plural(m.Processors, "processor")}
	if m.Memory > 0 {
		parts = append(parts, humanize.IBytes(uint64(m.Memory))+" of memory")
	}
	if m.Files > 0 {
		parts = append(parts, figures.Count(m.Files)+" open files")
	}
	return strings.Join(parts, ", ")
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return count(n) + " " + what
}

func count(n int) string { return figures.Count(uint64(max(n, 0))) }

// line writes a line of a table: what it is about to the left, figures to the right.
func line(b *strings.Builder, what string, cells ...string) {
	fmt.Fprintf(b, "%-46s", what)
	for _, cell := range cells {
		fmt.Fprintf(b, "%14s", cell)
	}
	b.WriteString("\n")
}

// writeSides writes what was measured, and beside it the bare thing.
func (r *Result) writeSides(b *strings.Builder) {
	few, many, bare := &r.Few, &r.Many, &r.Bare
	figure := func(what, unit string, digits int, of func(*Side) float64) {
		show := func(v float64) string {
			if v == 0 {
				return "-"
			}
			return strconv.FormatFloat(v, 'f', digits, 64) + " " + unit
		}
		ratio := "-"
		if x := of(bare); x > 0 {
			ratio = strconv.FormatFloat(of(many)/x, 'f', 2, 64)
		}
		line(b, what, show(of(few)), show(of(many)), show(of(bare)), ratio)
	}
	line(b, "", plural(few.Miners, "miner"), plural(many.Miners, "miner"), "bare, as many", "ratio")
	figure("a new block's work, written to the last miner", "ms", 1, func(s *Side) float64 { return s.Written.Last })
	figure("  to 99 of 100", "ms", 1, func(s *Side) float64 { return s.Written.P99 })
	figure("  to half of them", "ms", 1, func(s *Side) float64 { return s.Written.P50 })
	figure(fmt.Sprintf("a share's processor time, %s a second", count(int(many.Rate))), "µs", 1, func(s *Side) float64 { return s.Paced })
	figure("  as fast as answers come", "µs", 1, func(s *Side) float64 { return s.Closed })
	figure("  answered within, half of the paced ones", "ms", 2, func(s *Side) float64 { return s.Verdict.P50 })
	figure("  99 of 100", "ms", 2, func(s *Side) float64 { return s.Verdict.P99 })
	figure("  999 of 1,000", "ms", 2, func(s *Side) float64 { return s.Verdict.P999 })
	figure("a silent miner, heap and stacks", "kB", 1, func(s *Side) float64 { return s.Idle / 1e3 })
	figure("  one that had shares", "kB", 1, func(s *Side) float64 { return s.Worked / 1e3 })
	figure("  and resident", "kB", 1, func(s *Side) float64 { return s.Resident / 1e3 })
	figure("all have work that connect at once", "ms", 0, func(s *Side) float64 { return s.Storm })
	if n := r.Machine.StartsPerSecond; n > 0 && many.Miners > n {
		fmt.Fprintf(b, "  (no more than %s a second are let in: access.starts_per_second)\n", count(n))
	}
	b.WriteString("\n")
}

// writeCompared writes what few miners say of many beside what was measured of those.
func (r *Result) writeCompared(b *strings.Builder) {
	fmt.Fprintf(b, "%s, at %s shares a minute each and a job every %g s:\n", plural(r.Many.Miners, "miner"), trimmed(r.Farm.SharesPerMinute), r.Farm.JobEvery)
	line(b, "", "by "+count(r.Few.Miners), "measured", "off")
	p, m := r.Compared.Predicted, r.Compared.Measured
	for _, one := range []struct {
		what, unit          string
		predicted, measured float64
	}{
		{"processors", "", p.Processors, m.Processors},
		{"memory, with the kernel's sockets", " MB", p.Memory / 1e6, m.Memory / 1e6},
		{"a new block's work, the last miner", " ms", p.Fanout * 1e3, m.Fanout * 1e3},
		{"from the miners", " kB/s", p.Up / 1e3, m.Up / 1e3},
		{"to the miners", " kB/s", p.Down / 1e3, m.Down / 1e3},
	} {
		off := "-"
		if one.measured > 0 {
			off = fmt.Sprintf("%+.0f %%", 100*(one.predicted/one.measured-1))
		}
		show := func(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) + one.unit }
		line(b, one.what, show(one.predicted), show(one.measured), off)
	}
	b.WriteString("\n")
}

// writeCarries writes how many miners the machine carries, and why.
func (r *Result) writeCarries(b *strings.Builder) {
	narrow := r.Limits[0]
	fmt.Fprintf(b, "This machine carries about %s, at %s shares a minute each and a job every %g s.\n",
		plural(rounded(r.Carries), "miner"), trimmed(r.Farm.SharesPerMinute), r.Farm.JobEvery)
	fmt.Fprintf(b, "What limits it: %s. %s\n\n", narrow.What, narrow.What.advice(&r.Machine))
	for _, l := range r.Limits {
		line(b, l.What.bound(&r.Machine), plural(rounded(l.Miners), "miner"))
	}
	if r.Carries > r.Many.Miners {
		fmt.Fprintf(b, "\nMore than %s were not tried.\n", plural(r.Many.Miners, "miner"))
	}
	r.writeMillion(b)
	b.WriteString("\nMiners on a network cost a little more or less than on loopback, by the network card, and TLS costs more.\n")
}

// writeMillion writes what a million miners take.
func (r *Result) writeMillion(b *strings.Builder) {
	const million = 1_000_000
	instances, each := Instances(million, r.Carries)
	if instances == 0 {
		return
	}
	f := r.Farm
	f.Miners = each
	d := r.FromMany.Predict(f)
	fmt.Fprintf(b, "\nA million miners are %s of %s: each %.2f processors, %s of memory, %.0f ms for a new block,\n%.1f Mbit/s from the miners and %.1f to them.\n",
		count(instances)+" such proxies", count(each), d.Processors, humanize.Bytes(uint64(d.Memory)), d.Fanout*1e3, d.Up*8/1e6, d.Down*8/1e6)
}

// bound says what is reckoned with.
func (w What) bound(m *Machine) string {
	switch w {
	case OpenFiles:
		return fmt.Sprintf("open files, %s for a process", figures.Count(m.Files))
	case Connections:
		return "server.max_connections"
	case Processors:
		return fmt.Sprintf("processors, %.0f %% of %d", 100*cpuPart, m.Processors)
	case Memory:
		return fmt.Sprintf("memory, %.0f %% of %s", 100*memoryPart, humanize.IBytes(uint64(m.Memory)))
	case Fanout:
	}
	return fmt.Sprintf("a new block's work within %d ms", fanoutMost.Milliseconds())
}

// advice says what to do about a limit.
func (w What) advice(m *Machine) string {
	switch w {
	case OpenFiles:
		return fmt.Sprintf("A process may have %s: raise LimitNOFILE= (systemd), ulimits (compose) or ulimit -n.", figures.Count(m.Files))
	case Connections:
		return "Raise it in the configuration."
	case Processors:
		return "Give it more or faster ones, or miners a higher difficulty (vardiff.shares_per_minute)."
	case Memory:
		return "Give it more, or raise the limit (MemoryMax=, docker --memory)."
	case Fanout:
	}
	return "Give it more or faster processors, or a second proxy for a part of the miners."
}

// rounded is a number of miners with as many digits as it is worth, downwards.
func rounded(n int) int {
	unit := 1
	for n/unit >= 1000 {
		unit *= 10
	}
	return n / unit * unit
}

// trimmed is a number without zeros that say nothing.
func trimmed(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
