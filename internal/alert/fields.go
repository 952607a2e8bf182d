package alert

import (
	"cel.dev/cel-go/common/types"
)

// Kind is what a rule is evaluated for.
type Kind string

// The kinds.
const (
	OnFarm     Kind = "farm"
	OnProxy    Kind = "proxy"
	OnPool     Kind = "pool"
	OnRoute    Kind = "route"
	OnListener Kind = "listener"
	OnUser     Kind = "user"
	OnWorker   Kind = "worker"
	OnCheck    Kind = "check"
)

// Kinds lists the kinds in the order of the documentation.
func Kinds() []Kind {
	return []Kind{OnFarm, OnProxy, OnPool, OnRoute, OnListener, OnUser, OnWorker, OnCheck}
}

// Choices lists the kinds, as a configuration spells them.
func (Kind) Choices() []string {
	all := make([]string, 0, len(Kinds()))
	for _, k := range Kinds() {
		all = append(all, string(k))
	}
	return all
}

// field is one fact of a kind, as expressions and templates name it.
type field struct {
	name, unit, doc string
	typ             *types.Type
	get             func(any) (any, error)
}

// strangeError is of an object that is not of its field's kind.
type strangeError struct{ field string }

func (e strangeError) Error() string { return "no such field: " + e.field }

// of makes a field of a kind whose facts are a T.
func of[T, V any](typ *types.Type, name, unit, doc string, get func(*T) V) field {
	return field{name, unit, doc, typ, func(object any) (any, error) {
		facts, ok := object.(*T)
		if !ok {
			return nil, strangeError{name}
		}
		return get(facts), nil
	}}
}

func number[T any](name, unit, doc string, get func(*T) float64) field {
	return of(types.DoubleType, name, unit, doc, get)
}

func truth[T any](name, doc string, get func(*T) bool) field {
	return of(types.BoolType, name, "", doc, get)
}

func text[T any](name, doc string, get func(*T) string) field {
	return of(types.StringType, name, "", doc, get)
}

func numbers[T any](name, unit, doc string, get func(*T) map[string]float64) field {
	return of(types.NewMapType(types.StringType, types.DoubleType), name, unit, doc, get)
}

func texts[T any](name, doc string, get func(*T) map[string]string) field {
	return of(types.NewMapType(types.StringType, types.StringType), name, "", doc, get)
}

// rateFields are those of everything that has shares; whose says by whose word.
func rateFields[T any](whose string, get func(*T) *Rates) []field {
	return []field{
		number("hashrate_1m", "H/s", "Hashrate of the last minute, by the shares that "+whose+" accepted.", func(x *T) float64 { return get(x).Hashrate1m }),
		number("hashrate_10m", "H/s", "The same of the last ten minutes.", func(x *T) float64 { return get(x).Hashrate10m }),
		number("hashrate_1h", "H/s", "The same of the last hour.", func(x *T) float64 { return get(x).Hashrate1h }),
		number("hashrate_24h", "H/s", "The same of the last day, or since the first share if that is less.", func(x *T) float64 { return get(x).Hashrate24h }),
		number("baseline", "H/s", "Its own baseline: `hashrate_24h` once there were shares for an hour; 0 before.", func(x *T) float64 { return get(x).Baseline }),
		number("hashrate_ratio", "part", "`hashrate_10m` divided by `baseline`; 1 while there is none.", func(x *T) float64 { return get(x).Ratio }),
		number("hashrate_sigma", "σ", "By how many standard deviations of chance the last ten minutes are below `baseline`; 0 while there is none.", func(x *T) float64 { return get(x).Sigma }),
		number("shares_10m", "shares", "Shares of the last ten minutes that were accepted or refused.", func(x *T) float64 { return get(x).Shares10m }),
		number("shares_1h", "shares", "The same of the last hour.", func(x *T) float64 { return get(x).Shares1h }),
		number("shares_24h", "shares", "The same of the last day.", func(x *T) float64 { return get(x).Shares24h }),
		number("accepted_1h", "shares", "Those of the last hour that were accepted.", func(x *T) float64 { return get(x).Accepted1h }),
		number("reject_rate", "part", "Part of the last hour's shares that "+whose+" refused, from 0 to 1.", func(x *T) float64 { return get(x).RejectRate }),
		number("reject_rate_10m", "part", "The same of the last ten minutes.", func(x *T) float64 { return get(x).RejectRate10m }),
	}
}

const byVerdict = "Part of the shares of the last ten minutes that had this verdict, by verdict (stale, duplicate, low_difficulty, job_not_found, invalid, unauthorized)"

func farmFields() []field {
	return append(rateFields("we", func(f *Farm) *Rates { return &f.Rates }),
		numbers("reject_rates", "part", byVerdict+", ours.", func(f *Farm) map[string]float64 { return f.RejectRates }),
		number("pool_hashrate_1h", "H/s", "Hashrate of the last hour by what pools accepted.", func(f *Farm) float64 { return f.PoolHashrate1h }),
		number("pool_reject_rate", "part", "Part of the last hour's shares that pools refused.", func(f *Farm) float64 { return f.PoolRejectRate }),
		number("value_24h", "sat", "What the last day's shares were expected to earn.", func(f *Farm) float64 { return f.Value24h }),
		number("pool_value_24h", "sat", "What those of them were expected to earn that pools accepted.", func(f *Farm) float64 { return f.PoolValue24h }),
		number("miners", "connections", "Open connections of miners.", func(f *Farm) float64 { return f.Miners }),
		number("workers", "workers", "Workers that are connected.", func(f *Farm) float64 { return f.Workers }),
		number("workers_silent", "workers", "Workers that had shares within the day and have none now; see `share_interval_seconds`.", func(f *Farm) float64 { return f.WorkersSilent }),
		number("pools", "pools", "Pools that are configured and not disabled.", func(f *Farm) float64 { return f.Pools }),
		number("pools_up", "pools", "Those that serve work, or could.", func(f *Farm) float64 { return f.PoolsUp }),
		number("routes", "routes", "Routes.", func(f *Farm) float64 { return f.Routes }),
		number("routes_ready", "routes", "Routes that can serve work.", func(f *Farm) float64 { return f.RoutesReady }),
	)
}

func proxyFields() []field {
	return []field{
		number("uptime_seconds", "s", "Time since the start.", func(p *Proxy) float64 { return p.Uptime }),
		truth("ready", "At least one route can serve work.", func(p *Proxy) bool { return p.Ready }),
		number("pool_connections", "connections", "Open connections to pools.", func(p *Proxy) float64 { return p.PoolConnections }),
		number("strangers", "connections", "Connections that have begun and have no authorized worker.", func(p *Proxy) float64 { return p.Strangers }),
		number("waiting", "connections", "Connections that wait for their turn to begin.", func(p *Proxy) float64 { return p.Waiting }),
		number("suspects", "connections", "Connections that are slowed down or refused for what they do (`[threat]`).", func(p *Proxy) float64 { return p.Suspects }),
		number("auto_bans_10m", "bans", "Bans for misbehaviour that began in the last ten minutes.", func(p *Proxy) float64 { return p.AutoBans }),
		number("memory_bytes", "B", "Memory that this process has; 0: not known.", func(p *Proxy) float64 { return p.Memory }),
		number("memory_limit_bytes", "B", "What it may have: the least of GOMEMLIMIT, the container's limit and the machine's memory; 0: not known.", func(p *Proxy) float64 { return p.MemoryLimit }),
		number("memory_used", "part", "The one divided by the other; 0: not known.", func(p *Proxy) float64 { return part(p.Memory, p.MemoryLimit) }),
		number("disk_free_bytes", "B", "Free space for data_dir; 0 with disk_total_bytes 0: not known.", func(p *Proxy) float64 { return p.DiskFree }),
		number("disk_total_bytes", "B", "Size of the file system that data_dir is on.", func(p *Proxy) float64 { return p.DiskTotal }),
		number("disk_used", "part", "Part of it that is used; 0: not known.", func(p *Proxy) float64 {
			if p.DiskTotal == 0 {
				return 0
			}
			return 1 - part(p.DiskFree, p.DiskTotal)
		}),
		number("files", "descriptors", "Open descriptors; 0: not known.", func(p *Proxy) float64 { return p.Files }),
		number("files_used", "part", "Part of the descriptors that there may be; 0: not known.", func(p *Proxy) float64 { return part(p.Files, p.FilesLimit) }),
		number("goroutines", "goroutines", "Goroutines.", func(p *Proxy) float64 { return p.Goroutines }),
		number("journal_failing_seconds", "s", "For how long nothing could be written to data_dir; 0: it can.", func(p *Proxy) float64 { return p.JournalFailing }),
		number("store_failing_seconds", "s", "For how long the store took nothing; 0: it does.", func(p *Proxy) float64 { return p.StoreFailing }),
		number("store_backlog_bytes", "B", "What waits in data_dir for the store.", func(p *Proxy) float64 { return p.Backlog }),
		number("shares_dropped_10m", "shares", "Single shares that were forgotten early in the last ten minutes.", func(p *Proxy) float64 { return p.SharesDropped10m }),
		number("sinks", "sinks", "Places where alerts are told.", func(p *Proxy) float64 { return p.Sinks }),
		number("sinks_down", "sinks", "Those of them that could not be reached when that was last tried.", func(p *Proxy) float64 { return p.SinksDown }),
	}
}

func poolFields() []field {
	return append(append([]field{
		text("name", "Its name.", func(p *Pool) string { return p.Name }),
		text("state", "connecting, active, standby, degraded, down or disabled.", func(p *Pool) string { return p.State }),
		text("reason", "Why it is in that state, in one word.", func(p *Pool) string { return p.Reason }),
		text("error", "The same in words; empty: all is well.", func(p *Pool) string { return p.Error }),
		number("state_seconds", "s", "For how long it has been in that state.", func(p *Pool) float64 { return p.StateFor }),
		truth("up", "It serves work, or could: active, standby or degraded.", func(p *Pool) bool { return p.Up }),
		truth("drained", "An operator wants its miners elsewhere.", func(p *Pool) bool { return p.Drained }),
		truth("disabled", "The file or an operator has turned it off.", func(p *Pool) bool { return p.Disabled }),
	}, rateFields("the pool", func(p *Pool) *Rates { return &p.Rates })...), poolMeasures()...)
}

func poolMeasures() []field {
	return []field{
		numbers("reject_rates", "part", byVerdict+", the pool's, of the last 10 to 20 minutes.", func(p *Pool) map[string]float64 { return p.RejectRates }),
		number("unanswered_rate", "part", "Part of the shares of the last 10 to 20 minutes that it said nothing about in time.", func(p *Pool) float64 { return p.UnansweredRate }),
		number("gap_rate", "part", "Part of the work that it was sent within the last hour and did not accept; 0 with less than 50 shares.", func(p *Pool) float64 { return p.GapRate1h }),
		number("discrepancies_10m", "shares", "Shares of the last ten minutes that are valid by our own check and that it refused, where no race explains it.", func(p *Pool) float64 { return p.Discrepancies10m }),
		number("miners", "connections", "Miners whose work comes from it.", func(p *Pool) float64 { return p.Miners }),
		number("connections", "connections", "Open connections to it.", func(p *Pool) float64 { return p.Connections }),
		number("difficulty", "", "Its difficulty; 0: not known.", func(p *Pool) float64 { return p.Difficulty }),
		number("last_job_age_seconds", "s", "Age of its last job; 0: there was none.", func(p *Pool) float64 { return p.LastJobAge }),
		number("rtt_seconds", "s", "Time that its last answer took; 0: not known.", func(p *Pool) float64 { return p.RTT }),
		number("submit_rtt_p90_seconds", "s", "90th percentile of its answers' times of the last 10 to 20 minutes; 0: not known.", func(p *Pool) float64 { return p.SubmitRTTP90 }),
		number("score", "", "How well it serves, from 0 to 1; 1 where that is not known.", func(p *Pool) float64 { return p.Score }),
		number("block_delay_seconds", "s", "How much later than the first pool it gives work on a new block; 0: not known.", func(p *Pool) float64 { return p.BlockDelay }),
		number("tip_lag_seconds", "s", "For how long it worked on an old block at a time, the longest of the last 10 to 20 minutes.", func(p *Pool) float64 { return p.Lag }),
		number("silences", "", "Silences of the last 10 to 20 minutes, in which something should have come.", func(p *Pool) float64 { return p.Silences }),
		number("disconnects", "", "Connections of the last 10 to 20 minutes that it ended or did not let come about.", func(p *Pool) float64 { return p.Disconnects }),
		numbers("signals", "as in CONFIG.md", "What is odd about it now: the value of each signal that is on, by name. Ask with `\"tip_lag\" in pool.signals`.", func(p *Pool) map[string]float64 { return p.Signals }),
		texts("signal_details", "The facts of those signals in words, where there are any.", func(p *Pool) map[string]string { return p.Details }),
	}
}

func routeFields() []field {
	return append([]field{
		text("name", "Its name.", func(r *Route) string { return r.Name }),
		text("mode", "shared or dedicated.", func(r *Route) string { return r.Mode }),
		text("active", "The pool that a new miner would be given; empty: none.", func(r *Route) string { return r.Active }),
		text("preferred", "The pool that it should go to: the pinned one, else the first that is neither drained nor disabled; empty with a split.", func(r *Route) string { return r.Preferred }),
		text("pinned", "The pool that an operator prefers; empty: none.", func(r *Route) string { return r.Pinned }),
		truth("ready", "A new miner would be given work.", func(r *Route) bool { return r.Ready }),
		truth("split", "It has a split.", func(r *Route) bool { return r.Split }),
		truth("on_backup", "`active` is another pool than `preferred`: a failover has happened.", func(r *Route) bool { return r.OnBackup }),
		number("switches_1h", "switches", "How often `active` changed within the last hour.", func(r *Route) float64 { return r.Switches1h }),
		number("miners", "connections", "Its miners.", func(r *Route) float64 { return r.Miners }),
		number("unpaid_miners", "connections", "Those that are kept on work that nobody pays for.", func(r *Route) float64 { return r.Unpaid }),
		numbers("reject_rates", "part", byVerdict+", ours.", func(r *Route) map[string]float64 { return r.RejectRates }),
	}, rateFields("we", func(r *Route) *Rates { return &r.Rates })...)
}

func listenerFields() []field {
	return []field{
		text("name", "Its address, as configured.", func(l *Listener) string { return l.Name }),
		truth("tls", "It speaks TLS.", func(l *Listener) bool { return l.TLS }),
		number("miners", "connections", "Miners that came in by it.", func(l *Listener) float64 { return l.Miners }),
		number("certificate_days", "days", "Until the first of its certificates ends; only with `tls`.", func(l *Listener) float64 { return l.CertificateDays }),
		text("problems", "What is wrong with its certificates; empty: nothing.", func(l *Listener) string { return l.Problems }),
	}
}

func userFields() []field {
	return append([]field{
		text("name", "What stands before the first dot of its workers' logins. Workers without one are no user's.", func(u *User) string { return u.Name }),
		number("workers", "workers", "Its workers that had shares within the day, or are connected.", func(u *User) float64 { return u.Workers }),
		number("online", "workers", "Those that are connected.", func(u *User) float64 { return u.Online }),
		number("miners", "connections", "Their connections.", func(u *User) float64 { return u.Miners }),
		number("pool_hashrate_1h", "H/s", "Hashrate of the last hour by what pools accepted.", func(u *User) float64 { return u.PoolHashrate1h }),
		number("value_24h", "sat", "What the last day's shares were expected to earn.", func(u *User) float64 { return u.Value24h }),
	}, rateFields("we", func(u *User) *Rates { return &u.Rates })...)
}

func workerFields() []field {
	return append([]field{
		text("name", "Its login.", func(w *Worker) string { return w.Name }),
		text("user", "What stands before the first dot of it; empty: nothing does.", func(w *Worker) string { return w.User }),
		text("route", "The route that it came by last.", func(w *Worker) string { return w.Route }),
		text("pool", "Where its work comes from now; empty: it is not connected.", func(w *Worker) string { return w.Pool }),
		number("miners", "connections", "Its open connections.", func(w *Worker) float64 { return w.Miners }),
		number("difficulty", "", "The largest that they were told.", func(w *Worker) float64 { return w.Difficulty }),
		number("last_share_age_seconds", "s", "Age of its last share; 0: there was none.", func(w *Worker) float64 { return w.LastShareAge }),
		number("share_interval_seconds", "s", "Time that there usually is between two of its shares, by the last day's; 0: not known.", func(w *Worker) float64 { return w.ShareInterval }),
		number("age_seconds", "s", "Time since it was first seen.", func(w *Worker) float64 { return w.Age }),
		number("pool_hashrate_1h", "H/s", "Hashrate of the last hour by what pools accepted.", func(w *Worker) float64 { return w.PoolHashrate1h }),
		number("pool_reject_rate", "part", "Part of the last hour's shares that pools refused.", func(w *Worker) float64 { return w.PoolRejectRate }),
		number("best_difficulty", "", "The largest difficulty that a share of it reached; 0: not known.", func(w *Worker) float64 { return w.Best }),
	}, rateFields("we", func(w *Worker) *Rates { return &w.Rates })...)
}

func checkFields() []field {
	return []field{
		text("name", "Its name in `/health`.", func(c *Check) string { return c.Name }),
		text("status", "ok, degraded or down.", func(c *Check) string { return c.Status }),
		text("detail", "What was found.", func(c *Check) string { return c.Detail }),
		text("advice", "What to do about it.", func(c *Check) string { return c.Advice }),
	}
}

// fieldsOf are the facts of a kind.
func fieldsOf(k Kind) []field {
	switch k {
	case OnFarm:
		return farmFields()
	case OnProxy:
		return proxyFields()
	case OnPool:
		return poolFields()
	case OnRoute:
		return routeFields()
	case OnListener:
		return listenerFields()
	case OnUser:
		return userFields()
	case OnWorker:
		return workerFields()
	case OnCheck:
		return checkFields()
	}
	return nil
}

// sampleOf is an object of a kind with nothing in it.
func sampleOf(k Kind) any {
	switch k {
	case OnFarm:
		return new(Farm)
	case OnProxy:
		return new(Proxy)
	case OnPool:
		return new(Pool)
	case OnRoute:
		return new(Route)
	case OnListener:
		return new(Listener)
	case OnUser:
		return new(User)
	case OnWorker:
		return new(Worker)
	case OnCheck:
		return new(Check)
	}
	return nil
}

// part is a divided by b, 0 where b is.
func part(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
