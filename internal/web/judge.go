package web

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/work"
)

const (
	// Of an hour's work some is always lost: a block comes, and what is on its way is
	// stale. From lostWarn on it is worth a look, from lostBad on it is a fault.
	lostWarn = 0.005
	lostBad  = 0.02
	// judgedFrom is how many shares an hour has to have to be judged.
	judgedFrom = 100
	// dropWarn and dropBad are by which part a hashrate may be below its day's.
	dropWarn = 0.1
	dropBad  = 0.3
	// calmFrom is how long after a start miners have come back, in seconds.
	calmFrom = 900
)

// finding is one thing that costs money, or may.
type finding struct {
	// Tone is bad, warn or good.
	Tone string
	// Title says what and where, Why the rest.
	Title, Why string
	// Path is where to look, Look what is there.
	Path, Look string
}

// judgement answers whether money is being lost, where and why.
type judgement struct {
	finding

	// Others are what else there is, the worst first.
	Others []finding
}

// scene is what is judged.
type scene struct {
	summary  view.Summary
	pools    []view.Pool
	routes   []view.Route
	alerts   []view.Alert
	earnings earnings
}

// judge looks at everything that costs money.
func judge(s *scene) judgement {
	all := slices.Concat(s.unserved(), s.unpaid(), s.alarms(), s.fallen(), s.lost(), s.sick())
	slices.SortStableFunc(all, func(a, b finding) int { return rank(b.Tone) - rank(a.Tone) })
	if len(all) == 0 {
		return judgement{finding: s.well()}
	}
	return judgement{finding: all[0], Others: all[1:]}
}

func rank(tone string) int { return slices.Index([]string{"good", "warn", "bad"}, tone) }

// well is what there is to say where nothing is wrong.
func (s *scene) well() finding {
	hour := &s.earnings.Hour
	switch {
	case s.summary.Miners == 0 && hour.Shares == 0:
		return finding{Tone: "", Title: "No miner is connected.", Why: "Point a miner at this machine’s mining port, with any user name; it shows here at its first share."}
	case hour.Shares < judgedFrom:
		return finding{Tone: "good", Title: "Nothing is wrong that can be seen so far.", Why: "Pools serve work. After some hundred shares there is more to say."}
	}
	why := fmt.Sprintf("In the last hour %s of the work was lost, which is as good as it gets: %s.", percent(hour.LostPart()), satText(hour.LostValue))
	if hour.LostValue == 0 {
		why = "In the last hour every share counted."
	}
	return finding{Tone: "good", Title: "No money is being lost.", Why: why}
}

// unserved are routes whose miners have no work.
func (s *scene) unserved() (all []finding) {
	for i := range s.routes {
		r := &s.routes[i]
		if r.Ready {
			continue
		}
		all = append(all, finding{
			Tone: "bad", Title: fmt.Sprintf("Route %s has no pool that serves work: what its miners do is lost.", r.Name),
			Why: s.poolsSay(r.Pools), Path: "/pools", Look: "Pools",
		})
	}
	return all
}

// poolsSay is what is wrong with pools, in their words.
func (s *scene) poolsSay(names []string) string {
	var said []string
	for i := range s.pools {
		if p := &s.pools[i]; slices.Contains(names, p.Name) {
			said = append(said, p.Name+": "+orElse(p.Error, words(p.State)))
		}
	}
	return sentence(strings.Join(said, "; "))
}

// unpaid are miners that are held through an outage.
func (s *scene) unpaid() (all []finding) {
	for i := range s.routes {
		if r := &s.routes[i]; r.Unpaid > 0 {
			all = append(all, finding{
				Tone: "bad", Title: fmt.Sprintf("%s of route %s work for nobody.", plural(r.Unpaid, "miner", "miners"), r.Name),
				Why: "They are held on old work until a pool is back, which nobody pays for.", Path: "/routes", Look: "Routes",
			})
		}
	}
	return all
}

// alarms are the alerts.
func (s *scene) alarms() (all []finding) {
	const most = 5
	for i := range s.alerts {
		a := &s.alerts[i]
		if a.State != "firing" || a.Silenced || len(all) == most {
			continue
		}
		tone := "warn"
		switch a.Severity {
		case "critical":
			tone = "bad"
		case "info":
			continue
		}
		if a.Name == "pool_down" && tone == "warn" && s.sickly(a.Subject) || a.Name == "route_down" && s.isUnserved(a.Subject) {
			continue // sick, or unserved, says it, too
		}
		title := words(a.Name)
		if a.Subject != "" {
			title += ": " + a.Subject
		}
		all = append(all, finding{Tone: tone, Title: sentence("Alert " + title), Why: a.Message, Path: "/alerts", Look: "Alerts"})
	}
	return all
}

// isUnserved says whether unserved has something of a route.
func (s *scene) isUnserved(name string) bool {
	return slices.ContainsFunc(s.routes, func(r view.Route) bool { return r.Name == name && !r.Ready })
}

// saidOfRoutes says whether unserved has said what is wrong with a pool.
func (s *scene) saidOfRoutes(pool string) bool {
	return slices.ContainsFunc(s.routes, func(r view.Route) bool { return !r.Ready && slices.Contains(r.Pools, pool) })
}

// sickly says whether sick has something of a pool.
func (s *scene) sickly(name string) bool {
	return slices.ContainsFunc(s.pools, func(p view.Pool) bool { return p.Name == name && isSick(&p) })
}

func isSick(p *view.Pool) bool {
	return !p.Drained && (p.State == view.PoolDown || p.State == view.PoolDegraded)
}

// fallen says that the farm does less than it did.
func (s *scene) fallen() []finding {
	now, day := s.summary.Hashrate.TenMinutes, s.summary.Hashrate.Day
	off := math.Hypot(s.summary.HashrateError.TenMinutes, s.summary.HashrateError.Day) // by chance
	drop := 1 - now/day
	if !(day > 0) || drop < dropWarn || drop < 1.5*off || s.summary.UptimeSeconds < calmFrom {
		return nil
	}
	f := finding{
		Tone: "warn", Title: fmt.Sprintf("The farm’s hashrate is %s below its day’s.", percent(drop)),
		Why: fmt.Sprintf("It is %s over ten minutes and %s over the day.", rateText(now), rateText(day)), Path: "/workers?show=away", Look: "Workers that are away",
	}
	if drop >= dropBad {
		f.Tone = "bad"
	}
	if value := work.Earning(s.earnings.Hour.Value, s.earnings.Hour.Work, day-now, time.Hour); value > 0 {
		f.Why += fmt.Sprintf(" That is some %s an hour not earned.", satText(value))
	}
	if n := s.earnings.Away; n > 0 {
		f.Why += fmt.Sprintf(" %s had shares within a day and %s not connected.", plural(n, "worker", "workers"), either(n == 1, "is", "are"))
	}
	return []finding{f}
}

// lost says that more shares than usual are not paid for.
func (s *scene) lost() []finding {
	hour := &s.earnings.Hour
	part := hour.LostPart()
	if hour.Shares+hour.Rejected(false) < judgedFrom || part < lostWarn {
		return nil
	}
	f := finding{
		Tone: "warn", Title: fmt.Sprintf("%s of the last hour’s work was lost: %s.", percent(part), satText(hour.LostValue)),
		Path: "#losses", Look: "What was lost",
	}
	if part >= lostBad {
		f.Tone = "bad"
	}
	causes := causesOf(hour.Lost)
	if len(causes) == 0 {
		return []finding{f}
	}
	worst := causes[0]
	f.Why = fmt.Sprintf("Most of it is %q by %s word", worst.Name, either(worst.Word == "ours", "our", "the pools’"))
	if where := s.where(); where != "" {
		f.Why += ", mostly at pool " + where
	}
	f.Why = strings.TrimSpace(f.Why + ". " + worst.Means + " " + worst.Do)
	return []finding{f}
}

// where names the pool that most of an hour's loss is of, if there is more than one.
func (s *scene) where() string {
	if len(s.earnings.ByPool) < 2 {
		return ""
	}
	most := slices.MaxFunc(s.earnings.ByPool, func(a, b Earned) int { return compare(a.LostValue, b.LostValue) })
	if most.LostValue < 0.5*s.earnings.Hour.LostValue {
		return ""
	}
	return most.Name
}

// sick are pools that are not well, though miners have work.
func (s *scene) sick() (all []finding) {
	for i := range s.pools {
		p := &s.pools[i]
		if !isSick(p) || s.saidOfRoutes(p.Name) {
			continue
		}
		f := finding{Tone: "warn", Title: fmt.Sprintf("Pool %s is %s.", p.Name, p.State), Why: sentence(p.Error), Path: poolPath(p.Name), Look: "The pool"}
		if p.State == view.PoolDown && s.summary.Ready {
			f.Why = strings.TrimSpace(f.Why + " Miners work for the others meanwhile.")
		}
		all = append(all, f)
	}
	return all
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func orElse(text, other string) string { return either(text != "", text, other) }

func either(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

func plural(n int, one, many string) string { return count(n) + " " + either(n == 1, one, many) }

// sentence ends with a full stop, if there is anything.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsAny(text[len(text)-1:], ".!?") {
		return text
	}
	return text + "."
}
