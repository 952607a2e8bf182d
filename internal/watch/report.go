package watch

// Report is what is known of a pool now.
type Report struct {
	// Signals are those that are on, in the order of [Kinds].
	Signals []Signal
	// Mode is how it is known what the pool should pay, and TagMode how it should
	// sign.
	Mode, TagMode Mode
	// Outputs are those that the latest job pays, at most eight, and Paid is how
	// many there are; Tag is what that is signed with.
	Outputs []Output
	Paid    int
	Tag     string
	// Payouts are those that it may pay, each with all of its payees, and Tags
	// those that it may sign with.
	Payouts [][]string
	Tags    []string
	// Leave says that miners are kept away from the pool.
	Leave bool
}

// Report sums up.
func (p *Pool) Report() Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := Report{
		Mode: p.payouts.mode(), TagMode: p.tags.mode(), Paid: p.latest.count,
		Tag: p.latest.tag, Leave: p.leave.Load(),
	}
	for _, o := range p.latest.outputs {
		r.Outputs = append(r.Outputs, Output{show(o.script), o.satoshi})
	}
	for i := range p.gates {
		if p.gates[i].on {
			r.Signals = append(r.Signals, p.signal(i, &p.gates[i]))
		}
	}
	if len(p.own.Payout) > 0 {
		r.Mode = Configured
		for _, script := range p.own.Payout {
			r.Payouts = append(r.Payouts, []string{show(script)})
		}
	}
	if !p.tag.Empty() {
		r.TagMode, r.Tags = Configured, append(r.Tags, p.own.Tag)
	}
	for _, k := range p.payouts.good(r.Mode == Configured) {
		r.Payouts = append(r.Payouts, payees(k))
	}
	r.Tags = append(r.Tags, p.tags.good(r.TagMode == Configured)...)
	if p.threshold(PayoutChanged) == 0 {
		r.Mode = Off
	}
	if p.threshold(TagChanged) == 0 {
		r.TagMode = Off
	}
	return r
}
