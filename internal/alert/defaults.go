package alert

import (
	"fmt"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/watch"
)

// Runbooks is where the runbooks of the default rules are, unless somebody has them
// elsewhere: an address, so that whoever is told of an alert can follow it.
const Runbooks = "https://github.com/loka/stratum/blob/main/docs/OPERATIONS.md"

// Anchor is where the runbook of a default rule is in its document.
func Anchor(name string) string { return "#alert-" + name }

// Defaults are the rules that hold where a configuration does not say otherwise.
// runbooks is the document that their runbooks are in.
func Defaults(runbooks string) []Rule {
	var all []Rule
	for _, rules := range [][]Rule{farmRules(), routeRules(), rejectRules(), poolRules(), signalRules(), workerRules(), listenerRules(), proxyRules()} {
		all = append(all, rules...)
	}
	for i := range all {
		r := &all[i]
		r.Builtin, r.Runbook = true, runbooks+Anchor(r.Name)
		if r.Cooldown == 0 {
			r.Cooldown = 5 * time.Minute
		}
	}
	return all
}

func farmRules() []Rule {
	return []Rule{
		{
			Name: "farm_hashrate_dropped", On: OnFarm, Severity: Critical, For: 5 * time.Minute,
			Expr: `farm.hashrate_ratio < 0.7 && farm.hashrate_sigma > 4.0`, Value: `farm.hashrate_ratio`,
			Message: `The farm's hashrate has dropped to {{percent .farm.hashrate_ratio}} of what is usual: {{hashrate .farm.hashrate_10m}} of {{hashrate .farm.baseline}}, with {{number .farm.miners}} miners connected. Look at power and network of the farm, and at the other alerts.`,
		},
		{
			Name: "no_miners", On: OnFarm, Severity: Critical, For: 2 * time.Minute,
			Expr: `farm.miners == 0.0 && farm.baseline > 0`, Value: `farm.miners`,
			Message: `No miner is connected any more; {{hashrate .farm.baseline}} was usual. Look at the network between the farm and this machine, and at the listeners (` + "`loka status`" + `).`,
		},
	}
}

func routeRules() []Rule {
	return []Rule{
		{
			Name: "route_down", On: OnRoute, Severity: Critical, For: 15 * time.Second,
			Expr: `!route.ready`, Value: `route.miners`,
			Message: `No pool serves route {{.route.name}}; {{number .route.miners}} miners are on it. The checks of its pools in /health say why. Unless on_outage is hold, its miners are closed so that their own failover works.`,
		},
		{
			Name: "failover", On: OnRoute, Severity: Warning, For: 30 * time.Second,
			Expr:    `route.on_backup`,
			Message: `Route {{.route.name}} works for {{.route.active}} in place of {{.route.preferred}}. It goes back by itself once that has been well for return_after.`,
		},
		{
			Name: "route_switching", On: OnRoute, Severity: Warning,
			Expr: `route.switches_1h > 6`, Value: `route.switches_1h`,
			Message: `Route {{.route.name}} has changed its pool {{number .route.switches_1h}} times within an hour. Drain the pool that comes and goes, or raise return_after.`,
		},
		{
			Name: "unpaid_work", On: OnRoute, Severity: Critical, For: time.Minute,
			Expr: `route.unpaid_miners > 0`, Value: `route.unpaid_miners`,
			Message: `{{number .route.unpaid_miners}} miners of route {{.route.name}} are held on work that nobody pays for, for none of its pools serves. Bring a pool back, or add one.`,
		},
		{
			Name: "route_hashrate_dropped", On: OnRoute, Severity: Warning, For: 5 * time.Minute,
			Expr: `farm.routes > 1 && farm.hashrate_ratio >= 0.7 && route.hashrate_ratio < 0.7 && route.hashrate_sigma > 4.0`, Value: `route.hashrate_ratio`,
			Message: `The hashrate of route {{.route.name}} has dropped to {{percent .route.hashrate_ratio}} of what is usual: {{hashrate .route.hashrate_10m}} of {{hashrate .route.baseline}}. Its miners may be off, or match another route since a reload.`,
		},
	}
}

// refused says what a verdict points at, where it is given often by us and by a pool.
//
//nolint:gochecknoglobals // a table
var refused = []struct {
	verdict    mining.Verdict
	most       float64
	ours, pool string
}{
	{mining.Stale, 0.02, "Jobs reach the miners late, or their answers do: look at the network to the farm and at loka_job_fanout_seconds.", "The way to the pool is slow, or the pool is late with new blocks: compare rtt and block_delay of the pools."},
	{mining.Duplicate, 0.01, "Miners hand in the same share again: firmware that restarts its search, or two machines behind one connection.", "The pool has seen these shares before, or mixes up connections: ask it."},
	{mining.LowDifficulty, 0.01, "Miners hand in what misses their target: overclocked or failing hardware, or firmware that does not follow mining.set_difficulty.", "The pool's difficulty is another than it said, or it reads version bits otherwise: look at version_bits of the pool."},
	{mining.JobNotFound, 0.01, "Miners work on jobs that they were not given, or long ago: firmware that does not follow clean jobs.", "The pool has forgotten its own jobs: something between may send connections to ever other servers of it."},
	{mining.Invalid, 0.01, "Miners hand in what cannot be a share: look at the warnings of these connections in /api/v1/miners.", "The pool refuses for reasons of its own; the log has its words."},
	{mining.Unauthorized, 0.01, "Miners hand in shares for workers that are not let in.", "The pool does not know these workers: look at username and worker of the pool."},
}

func rejectRules() []Rule {
	all := make([]Rule, 0, 2*len(refused)+1)
	for _, r := range refused {
		all = append(all, Rule{
			Name: "route_rejects_" + r.verdict.String(), On: OnRoute, Severity: Warning, For: 5 * time.Minute,
			Expr: fmt.Sprintf(`route.shares_10m > 100 && route.reject_rates[%q] > %g`, r.verdict, r.most), Value: fmt.Sprintf(`route.reject_rates[%q]`, r.verdict),
			Message: fmt.Sprintf("{{percent .value}} of the shares of route {{.route.name}} are refused here as %s. %s", r.verdict, r.ours),
		})
	}
	for _, r := range refused {
		all = append(all, Rule{
			Name: "pool_rejects_" + r.verdict.String(), On: OnPool, Severity: Warning, For: 5 * time.Minute,
			Expr: fmt.Sprintf(`pool.shares_10m > 100 && pool.reject_rates[%q] > %g`, r.verdict, r.most), Value: fmt.Sprintf(`pool.reject_rates[%q]`, r.verdict),
			Message: fmt.Sprintf("Pool {{.pool.name}} refuses {{percent .value}} of the shares as %s. %s", r.verdict, r.pool),
		})
	}
	return append(all, Rule{
		Name: "pool_unanswered", On: OnPool, Severity: Warning, For: 5 * time.Minute,
		Expr: `pool.shares_10m > 100 && pool.unanswered_rate > 0.02`, Value: `pool.unanswered_rate`,
		Message: `Pool {{.pool.name}} does not answer {{percent .value}} of the shares in time. It is overloaded, or the way to it loses packets; drain it if that lasts.`,
	})
}

func poolRules() []Rule {
	return []Rule{
		{
			Name: "pool_down", On: OnPool, Severity: Warning, For: time.Minute,
			Expr: `!pool.up && !pool.disabled && !(pool.drained && pool.miners == 0.0)`, Value: `pool.state_seconds`,
			Message: `Pool {{.pool.name}} is {{.pool.state}}{{with .pool.error}}: {{.}}{{end}}. Its miners go to the route's other pools. Look at the pool's own status page, at url and username, and at this machine's network; loka keeps trying.`,
		},
		{
			Name: "pool_quiet", On: OnPool, Severity: Warning,
			Expr: `pool.up && pool.last_job_age_seconds > 300`, Value: `pool.last_job_age_seconds`,
			Message: `Pool {{.pool.name}} has sent no job for {{duration .value}}: its miners work on an old block. Look at its status page; drain it if there is another.`,
		},
		{
			Name: "pool_discrepancy", On: OnPool, Severity: Warning, For: 10 * time.Minute,
			Expr: `pool.gap_rate > 0.03`, Value: `pool.gap_rate`,
			Message: `Pool {{.pool.name}} has not accepted {{percent .value}} of the work that it was sent within an hour. See reconciliation and lost of the pool in the API for what became of it, and compare with the pool's own page.`,
		},
		{
			Name: "pool_slow", On: OnPool, Severity: Warning, For: 10 * time.Minute,
			Expr: `pool.miners > 0 && pool.submit_rtt_p90_seconds > 2`, Value: `pool.submit_rtt_p90_seconds`,
			Message: `One in ten shares has to wait {{duration .value}} or longer for the answer of pool {{.pool.name}}. Choose a server of the pool that is nearer, or look at the network.`,
		},
		{
			Name: "pool_late_blocks", On: OnPool, Severity: Warning, For: 10 * time.Minute,
			Expr: `pool.miners > 0 && pool.block_delay_seconds > 5`, Value: `pool.block_delay_seconds`,
			Message: `Pool {{.pool.name}} gives work on a new block {{duration .value}} later than the first of the pools: what is mined meanwhile is worth nothing. Choose another server of it, or another pool.`,
		},
		{
			Name: "pool_disconnects", On: OnPool, Severity: Warning,
			Expr: `pool.disconnects > 5`, Value: `pool.disconnects`,
			Message: `Pool {{.pool.name}} has ended {{number .value}} connections within minutes, or the network has. Look at the log for its reasons; drain it if there is another.`,
		},
	}
}

// signalRules are those of what is watched of pools.
func signalRules() []Rule {
	all := make([]Rule, 0, len(watch.Kinds()))
	for _, k := range watch.Kinds() {
		d := watch.Describe(k)
		all = append(all, Rule{
			Name: string(k), On: OnPool, Severity: Severity(d.Severity),
			Expr: fmt.Sprintf(`%q in pool.signals`, k), Value: fmt.Sprintf(`pool.signals[%q]`, k),
			Message: fmt.Sprintf("%s{{with index .pool.signal_details %q}} Here {{.}}.{{end}} %s", d.Means, k, d.Do),
		})
	}
	return all
}

func workerRules() []Rule {
	return []Rule{
		{
			Name: "user_hashrate_dropped", On: OnUser, Severity: Warning, For: 10 * time.Minute, Cooldown: 30 * time.Minute,
			Expr: `user.workers > 1 && farm.hashrate_ratio >= 0.7 && user.hashrate_ratio < 0.6 && user.hashrate_sigma > 4.0`, Value: `user.hashrate_ratio`,
			Message: `The hashrate of user {{.user.name}} has dropped to {{percent .user.hashrate_ratio}} of what is usual: {{hashrate .user.hashrate_10m}} of {{hashrate .user.baseline}}; {{number .user.online}} of {{number .user.workers}} workers are connected.`,
		},
		{
			Name: "worker_hashrate_dropped", On: OnWorker, Severity: Warning, For: 10 * time.Minute, Cooldown: 30 * time.Minute,
			Expr: `worker.miners > 0 && worker.shares_10m > 0 && farm.hashrate_ratio >= 0.7 && worker.hashrate_ratio < 0.6 && worker.hashrate_sigma > 4.0`, Value: `worker.hashrate_ratio`,
			Message: `The hashrate of worker {{.worker.name}} has dropped to {{percent .worker.hashrate_ratio}} of what is usual: {{hashrate .worker.hashrate_10m}} of {{hashrate .worker.baseline}}. A board or a fan may have failed, or it is throttled.`,
		},
		{
			Name: "worker_silent", On: OnWorker, Severity: Warning, Cooldown: 30 * time.Minute,
			Expr: `worker.share_interval_seconds > 0 && worker.last_share_age_seconds > 600 && worker.last_share_age_seconds > 20.0 * worker.share_interval_seconds && worker.last_share_age_seconds < 86400 && farm.hashrate_ratio >= 0.5`, Value: `worker.last_share_age_seconds`,
			Message: `Worker {{.worker.name}} has handed in nothing for {{duration .value}}; {{hashrate .worker.hashrate_24h}} was its mean of a day. It is {{if .worker.miners}}connected{{else}}not connected{{end}}.`,
		},
		{
			Name: "worker_rejects", On: OnWorker, Severity: Info, For: 10 * time.Minute, Cooldown: 30 * time.Minute,
			Expr: `worker.shares_10m > 30 && worker.reject_rate_10m > 0.1`, Value: `worker.reject_rate_10m`,
			Message: `{{percent .value}} of the shares of worker {{.worker.name}} are refused here. Its page says why; hardware that fails hands in what misses its target.`,
		},
	}
}

// ownRules says of which checks rules of their own tell. A disk, memory, descriptors and
// what is kept can be unwell in more ways than those know: such a check is left to its
// own rule only while what that looks at is so.
const ownRules = `check.name.startsWith("pool") || check.name.startsWith("route:") || check.name.startsWith("listener:") && check.status == "down" || check.name.startsWith("alert_sink:") || check.name == "tls"` +
	` || check.name == "disk" && proxy.disk_used > 0.9 || check.name == "memory" && proxy.memory_used > 0.9 || check.name == "descriptors" && proxy.files_used > 0.9` +
	` || check.name == "journal" && proxy.journal_failing_seconds > 0 || check.name == "store" && proxy.store_failing_seconds > 0`

func listenerRules() []Rule {
	return []Rule{
		{
			Name: "listener_down", On: OnCheck, Severity: Critical, For: time.Minute,
			Expr:    `check.name.startsWith("listener:") && check.status == "down"`,
			Message: `{{.check.name}} takes no miners: {{.check.detail}}.{{with .check.advice}} What to do: {{.}}.{{end}} Miners that are there stay.`,
		},
		{
			Name: "certificate_expires", On: OnListener, Severity: Warning,
			Expr: `listener.tls && listener.certificate_days < 14 && listener.certificate_days >= 2`, Value: `listener.certificate_days`,
			Message: `A certificate of listener {{.listener.name}} ends in {{number .value}} days. Renew it; it is read again by itself.`,
		},
		{
			Name: "certificate_expired", On: OnListener, Severity: Critical,
			Expr: `listener.tls && listener.certificate_days < 2`, Value: `listener.certificate_days`,
			Message: `A certificate of listener {{.listener.name}} has ended, or does within two days: miners that verify it cannot connect. Renew it; it is read again by itself.`,
		},
		{
			Name: "certificate_problem", On: OnListener, Severity: Warning, For: time.Minute,
			Expr:    `listener.problems != "" && listener.certificate_days >= 14`,
			Message: `Something is wrong with the certificates of listener {{.listener.name}}: {{.listener.problems}}`,
		},
	}
}

func proxyRules() []Rule {
	return []Rule{
		{
			Name: "disk_low", On: OnProxy, Severity: Warning, For: time.Minute,
			Expr: `proxy.disk_total_bytes > 0 && proxy.disk_used > 0.9 && proxy.disk_used <= 0.97`, Value: `proxy.disk_used`,
			Message: `The disk that data_dir is on is {{percent .value}} full; {{bytes .proxy.disk_free_bytes}} are left. Make room, or lower storage.max_disk.`,
		},
		{
			Name: "disk_full", On: OnProxy, Severity: Critical,
			Expr: `proxy.disk_total_bytes > 0 && proxy.disk_used > 0.97`, Value: `proxy.disk_used`,
			Message: `The disk that data_dir is on is {{percent .value}} full; {{bytes .proxy.disk_free_bytes}} are left. Mining goes on without it, but what is not written is lost at a crash. Make room now.`,
		},
		{
			Name: "memory_high", On: OnProxy, Severity: Warning, For: 5 * time.Minute,
			Expr: `proxy.memory_used > 0.9`, Value: `proxy.memory_used`,
			Message: `loka has {{bytes .proxy.memory_bytes}}, {{percent .value}} of the memory that it may have. Lower max_connections, or give it more; a process that is killed for memory takes all connections with it.`,
		},
		{
			Name: "files_high", On: OnProxy, Severity: Warning, For: time.Minute,
			Expr: `proxy.files_used > 0.9`, Value: `proxy.files_used`,
			Message: `{{number .proxy.files}} descriptors are open, {{percent .value}} of what this process may have: miners will not get in. Raise LimitNOFILE.`,
		},
		{
			Name: "journal_failing", On: OnProxy, Severity: Critical,
			Expr: `proxy.journal_failing_seconds > 30`, Value: `proxy.journal_failing_seconds`,
			Message: `Nothing could be written to data_dir for {{duration .value}}: shares are in memory only. Look at the free space and the mode of data_dir.`,
		},
		{
			Name: "store_failing", On: OnProxy, Severity: Warning,
			Expr: `proxy.store_failing_seconds > 300`, Value: `proxy.store_failing_seconds`,
			Message: `The database has taken nothing for {{duration .value}}; {{bytes .proxy.store_backlog_bytes}} wait in data_dir. Look at storage.url and at the database.`,
		},
		{
			Name: "shares_dropped", On: OnProxy, Severity: Warning,
			Expr: `proxy.shares_dropped_10m > 0`, Value: `proxy.shares_dropped_10m`,
			Message: `{{number .value}} single shares were not kept, for there was no room; sums are complete, unless the log says that a frame of the journal cannot be read. Look at the database and at storage.max_disk.`,
		},
		{
			Name: "attack", On: OnProxy, Severity: Critical, For: 2 * time.Minute, Cooldown: 15 * time.Minute,
			Expr:    `proxy.auto_bans_10m > 10 || proxy.waiting > 1000 || proxy.strangers > 1000 && proxy.strangers > farm.miners || proxy.suspects > 20 && proxy.suspects > 0.1 * farm.miners`,
			Value:   `proxy.strangers + proxy.waiting`,
			Message: `Somebody may be attacking: {{number .proxy.strangers}} connections have not logged in and {{number .proxy.waiting}} wait, {{number .proxy.suspects}} misbehave, {{number .proxy.auto_bans_10m}} addresses were banned within ten minutes. Miners that work are served first. See loka ban list, and [access] for who may connect.`,
		},
		{
			Name: "sinks_down", On: OnProxy, Severity: Warning, For: 5 * time.Minute,
			Expr: `proxy.sinks_down > 0`, Value: `proxy.sinks_down`,
			Message: `Alerts cannot be told at {{number .value}} of {{number .proxy.sinks}} places. GET /api/v1/alerts/sinks says what is wrong; loka alerts test tries them.`,
		},
		{
			Name: "check_failing", On: OnCheck, Severity: Warning, For: 2 * time.Minute,
			Expr:    `check.status != "ok" && !(` + ownRules + `)`,
			Message: `{{.check.name}} is {{.check.status}}: {{.check.detail}}.{{with .check.advice}} What to do: {{.}}.{{end}}`,
		},
	}
}
