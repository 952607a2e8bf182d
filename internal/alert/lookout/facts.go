package lookout

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/work"
)

const (
	// baselineAge is how long there must have been shares for what is usual to be
	// known.
	baselineAge = time.Hour
	// gapLeast is how many shares a pool must have been sent for the gap to say
	// anything, intervalLeast of how many the time between two is worked out.
	gapLeast, intervalLeast = 50, 20
	// never is for certificates where there is none, in days.
	never = 100 * 365
)

// Listener is what is to be known of one.
type Listener struct {
	Address string
	TLS     bool
	// NotAfter is when the first of its certificates ends; zero: there is none.
	NotAfter time.Time
	Problems []string
}

// Around is what the read model does not know. What is not known is empty.
type Around struct {
	Machine   alert.Machine
	Listeners []Listener
	// AutoBans counts bans for misbehaviour that began within the last ten minutes.
	AutoBans         int
	Checks           map[string]view.Check
	Sinks, SinksDown int
}

// Gatherer makes facts of what the read model knows. It remembers counters for an hour,
// so it is to be asked at regular times, by one goroutine.
type Gatherer struct{ meters map[meterKey]*meter }

// NewGatherer makes one.
func NewGatherer() *Gatherer { return &Gatherer{make(map[meterKey]*meter)} }

// Gather makes the facts.
func (g *Gatherer) Gather(f *view.Facts, a *Around) *alert.Facts {
	here := presence(f.Miners)
	out := &alert.Facts{At: f.At}
	out.Workers, out.Users = workers(f, here)
	out.Pools = g.pools(f)
	out.Routes = g.routes(f)
	out.Farm = g.farm(f, out, here)
	out.Proxy = g.proxy(f, a)
	for name, c := range a.Checks {
		out.Checks = append(out.Checks, alert.Check{Name: name, Status: c.Status, Detail: c.Detail, Advice: c.Advice})
	}
	slices.SortFunc(out.Checks, func(x, y alert.Check) int { return strings.Compare(x.Name, y.Name) })
	out.Listeners = listeners(f, a)
	g.forget(f.At)
	return out
}

// rates are those of an account by our own word.
func rates(a *ledger.Account, now time.Time) alert.Rates {
	minute, ten, hour, day := &a.Recent[ledger.Minute], &a.Recent[ledger.TenMinutes], &a.Recent[ledger.Hour], &a.Recent[ledger.Day]
	r := alert.Rates{
		Hashrate1m: minute.Hashrate(), Hashrate10m: ten.Hashrate(), Hashrate1h: hour.Hashrate(), Hashrate24h: day.Hashrate(),
		Shares10m: count(ten.Accepted, ten.Rejected), Shares1h: count(hour.Accepted, hour.Rejected), Shares24h: count(day.Accepted, day.Rejected),
		Accepted1h: float64(hour.Accepted), RejectRate: part(hour.Rejected, hour.Accepted), RejectRate10m: part(ten.Rejected, ten.Accepted),
	}
	usual(&r, now.Sub(a.Since), day.Accepted, day.Work)
	return r
}

// poolRates are those by the pool's word.
func poolRates(a *ledger.Account, now time.Time) alert.Rates {
	said := ledger.Account{Since: a.Since, Recent: a.Recent}
	for k := range said.Recent {
		r := &said.Recent[k]
		r.Work, r.Accepted, r.Rejected = r.PoolWork, r.PoolAccepted, r.PoolRefused
	}
	return rates(&said, now)
}

// usual finds the baseline: the last day's hashrate, once that is worth something, and
// how far the last ten minutes are from it. Shares come by chance: of n that were to be
// expected, the square root of n may be missing for nothing.
func usual(r *alert.Rates, age time.Duration, accepted uint64, sum float64) {
	r.Ratio = 1
	if age < baselineAge || accepted == 0 || sum <= 0 || r.Hashrate24h <= 0 {
		return
	}
	r.Baseline = r.Hashrate24h
	r.Ratio = r.Hashrate10m / r.Baseline
	each := sum / float64(accepted) // the mean difficulty
	expected := work.Done(r.Baseline, ledger.TenMinutes.Length()) / each
	r.Sigma = (1 - r.Ratio) * math.Sqrt(expected)
}

func count(a, b uint64) float64 { return float64(a) + float64(b) }

// part is what of a and b together a is.
func part(a, b uint64) float64 {
	if a == 0 {
		return 0
	}
	return float64(a) / (float64(a) + float64(b))
}

// attendance is what the open connections say of one login.
type attendance struct {
	miners     int
	pool       string
	difficulty float64
	newest     mining.MinerID
}

func presence(miners []view.MinerState) map[string]attendance {
	here := make(map[string]attendance, len(miners))
	for i := range miners {
		m := &miners[i]
		for _, login := range m.Workers {
			a := here[login]
			a.miners++
			a.difficulty = max(a.difficulty, float64(m.Difficulty))
			if m.ID >= a.newest {
				a.newest, a.pool = m.ID, m.Pool
			}
			here[login] = a
		}
	}
	return here
}

// workers are all of them, and their users, by name.
func workers(f *view.Facts, here map[string]attendance) ([]alert.Worker, []alert.User) {
	all := make([]alert.Worker, 0, len(f.Books.Workers))
	users := newUsers()
	for i := range f.Books.Workers {
		book := &f.Books.Workers[i]
		if book.Name == ledger.OtherWorker || book.Name == ledger.UnknownWorker { // they are many
			continue
		}
		user, _, _ := strings.Cut(book.Name, ".")
		if user == book.Name {
			user = ""
		}
		at := here[book.Name]
		hour, day := &book.Recent[ledger.Hour], &book.Recent[ledger.Day]
		w := alert.Worker{
			Rates: rates(&book.Account, f.At), Name: book.Name, User: user, Route: book.Route, Pool: at.pool,
			Miners: float64(at.miners), Difficulty: at.difficulty, Age: max(f.At.Sub(book.Since).Seconds(), 0),
			PoolHashrate1h: hour.PoolHashrate(), PoolRejectRate: part(hour.PoolRefused, hour.PoolAccepted), Best: float64(book.Best),
		}
		if !book.LastShareAt.IsZero() {
			w.LastShareAge = max(f.At.Sub(book.LastShareAt).Seconds(), 0)
		}
		if n := day.Accepted + day.Rejected; n >= intervalLeast {
			w.ShareInterval = max(day.Span.Seconds()-w.LastShareAge, 1) / float64(n)
		}
		all = append(all, w)
		users.add(&w, book, f.At)
	}
	return all, users.list(f.At)
}

// users adds workers up.
type users struct {
	by    map[string]int
	all   []alert.User
	books []ledger.Account
}

func newUsers() *users { return &users{by: make(map[string]int)} }

func (u *users) add(w *alert.Worker, book *ledger.Worker, now time.Time) {
	if w.User == "" || w.Miners == 0 && w.Shares24h == 0 {
		return
	}
	i, ok := u.by[w.User]
	if !ok {
		i = len(u.all)
		u.by[w.User] = i
		u.all = append(u.all, alert.User{Name: w.User})
		u.books = append(u.books, ledger.Account{Since: now})
	}
	one, sum := &u.all[i], &u.books[i]
	one.Workers++
	one.Miners += w.Miners
	if w.Miners > 0 {
		one.Online++
	}
	one.PoolHashrate1h += w.PoolHashrate1h
	one.Value24h += book.Recent[ledger.Day].Value
	if book.Since.Before(sum.Since) {
		sum.Since = book.Since
	}
	for k := range sum.Recent {
		into, from := &sum.Recent[k], &book.Recent[k]
		into.Work += from.Work
		into.Accepted += from.Accepted
		into.Rejected += from.Rejected
		into.Span = max(into.Span, from.Span)
	}
}

func (u *users) list(now time.Time) []alert.User {
	for i := range u.all {
		u.all[i].Rates = rates(&u.books[i], now)
	}
	slices.SortFunc(u.all, func(a, b alert.User) int { return strings.Compare(a.Name, b.Name) })
	return u.all
}

func listeners(f *view.Facts, a *Around) []alert.Listener {
	miners := make(map[string]int)
	for i := range f.Miners {
		miners[f.Miners[i].Listener]++
	}
	all := make([]alert.Listener, 0, len(a.Listeners))
	for _, l := range a.Listeners {
		one := alert.Listener{Name: l.Address, TLS: l.TLS, Miners: float64(miners[l.Address]), CertificateDays: never, Problems: strings.Join(l.Problems, "; ")}
		if !l.NotAfter.IsZero() {
			one.CertificateDays = l.NotAfter.Sub(f.At).Hours() / 24
		}
		all = append(all, one)
	}
	return all
}
