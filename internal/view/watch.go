package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/loka/stratum/internal/watch"
)

// Signal is something about a pool that its operator should look at, as an element of
// a [Pool].
type Signal struct {
	Name      string     `json:"name" doc:"Which; CONFIG.md lists them"`
	Severity  string     `json:"severity" enum:"warning,critical"`
	Since     *time.Time `json:"since" doc:"When it began"`
	Value     float64    `json:"value" doc:"What was measured last; CONFIG.md has the unit of each"`
	Threshold float64    `json:"threshold" doc:"From which value on it begins"`
	Detail    string     `json:"detail" doc:"The facts that a figure cannot say; it may be empty"`
	Means     string     `json:"means" doc:"What it means"`
	Do        string     `json:"do" doc:"What to do about it"`
}

// PoolPayout is whom a pool's jobs pay, as a part of a [Pool].
type PoolPayout struct {
	Mode     string       `json:"mode" enum:"off,configured,learning,fixed,varies" doc:"How it is known whom it should pay: configured, learning (not known yet), fixed (it was learnt to be always the same, or accepted), varies (others again and again, so nothing is expected), off"`
	Outputs  []PoolOutput `json:"outputs" nullable:"false" doc:"What the latest job pays, the first eight"`
	Paid     int          `json:"paid" doc:"How many outputs pay somebody"`
	Expected [][]string   `json:"expected" nullable:"false" doc:"What it may pay, each with all of its payees; with mode configured any of them in any mix"`
	TagMode  string       `json:"tag_mode" enum:"off,configured,learning,fixed,varies" doc:"The same of the text that it signs with"`
	Tag      string       `json:"tag" doc:"What the latest job is signed with: untrusted text"`
	Tags     []string     `json:"tags" nullable:"false" doc:"What it may sign with"`
	Away     bool         `json:"away" doc:"Miners are kept away from the pool for what it pays (on_payout_change = failover)"`
}

// PoolOutput is one output of a [PoolPayout].
type PoolOutput struct {
	Payee   string `json:"payee" doc:"The address, as the main network writes it, or the script in hex where there is none"`
	Satoshi int64  `json:"satoshi"`
}

func signals(of *watch.Report) []Signal {
	all := make([]Signal, 0, len(of.Signals))
	for i := range of.Signals {
		s := &of.Signals[i]
		d := watch.Describe(s.Kind)
		all = append(all, Signal{
			Name: string(s.Kind), Severity: string(d.Severity), Since: moment(s.Since), Value: sane(s.Value), Threshold: sane(s.Threshold),
			Detail: s.Detail, Means: d.Means, Do: d.Do,
		})
	}
	return all
}

func payout(of *watch.Report) PoolPayout {
	p := PoolPayout{
		Mode: string(of.Mode), Outputs: make([]PoolOutput, 0, len(of.Outputs)), Paid: of.Paid, Expected: append([][]string{}, of.Payouts...),
		TagMode: string(of.TagMode), Tag: of.Tag, Tags: append([]string{}, of.Tags...), Away: of.Leave,
	}
	for _, o := range of.Outputs {
		p.Outputs = append(p.Outputs, PoolOutput(o))
	}
	return p
}

// Alerts are the signals of all pools, in the file's order.
func (m *Model) Alerts() []Alert {
	all := []Alert{}
	states := m.deps.Hub.Pools()
	for i := range states {
		for _, s := range signals(&states[i].Watched) {
			message := s.Means
			if s.Detail != "" {
				message += " Here " + s.Detail + "."
			}
			all = append(all, Alert{
				ID: s.Name + "/" + states[i].Name, State: "firing", Kind: "pool", Subject: states[i].Name, Labels: map[string]string{}, SilencedBy: []string{},
				Name: s.Name, Severity: s.Severity, Pool: states[i].Name, Since: s.Since, Message: message + " " + s.Do, Value: s.Value,
			})
		}
	}
	return all
}

// checkWatch is the check of all pools' signals.
func checkWatch(states []PoolState) Check {
	var found, advice []string
	for i := range states {
		for _, s := range states[i].Watched.Signals {
			text := fmt.Sprintf("%s: %s", states[i].Name, s.Kind)
			if s.Detail != "" {
				text += " (" + s.Detail + ")"
			}
			found = append(found, text)
			advice = append(advice, fmt.Sprintf("%s: %s", states[i].Name, watch.Describe(s.Kind).Do))
		}
	}
	if len(found) == 0 {
		return Check{Status: OK, Detail: "nothing is odd about the pools"}
	}
	return Check{Status: Degraded, Detail: strings.Join(found, "; "), Advice: strings.Join(advice, " ")}
}
