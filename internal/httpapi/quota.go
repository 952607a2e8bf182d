package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/loka/stratum/internal/auth"
)

// maxQuotas bounds how many askers are remembered.
const maxQuotas = 10_000

// Quota is how often one may ask: PerSecond on the whole, and Burst at once. A PerSecond of
// 0 is any number.
type Quota struct {
	PerSecond float64
	Burst     int
}

// quotas bounds how often each token, or each address without one, asks: what a script
// does in a loop is not to cost the miners' proxy a processor.
type quotas struct {
	// mu guards what follows: the quota, and what is left of it by who asks.
	mu sync.Mutex
	of Quota
	by map[string]*rate.Limiter
}

// set puts another quota in place. What was used of the one before is forgotten.
func (q *quotas) set(of Quota) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if of != q.of {
		q.of, q.by = of, nil
	}
}

// take counts a request, and says in the answer's header how many are left, as the IETF's
// draft on rate limits has it. wait is how long to wait where there are none by the quota
// that holds; 0: it is fine.
func (q *quotas) take(h http.Header, who string, now time.Time) (wait time.Duration, of Quota) {
	limit, of := q.limiter(who, now)
	if limit == nil {
		return 0, of
	}
	r := limit.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
	}
	left := max(limit.TokensAt(now), 0)
	full := math.Ceil((float64(of.Burst) - left) / of.PerSecond)
	h.Set("RateLimit-Policy", fmt.Sprintf(`"requests";q=%d;w=%d`, of.Burst, int(math.Ceil(float64(of.Burst)/of.PerSecond))))
	h.Set("RateLimit", fmt.Sprintf(`"requests";r=%d;t=%d`, int(left), int(full)))
	return wait, of
}

// limiter has what is left of the quota for who asks; nil where any number may be asked.
func (q *quotas) limiter(who string, now time.Time) (*rate.Limiter, Quota) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.of.PerSecond <= 0 {
		return nil, q.of
	}
	limit := q.by[who]
	if limit != nil {
		return limit, q.of
	}
	if q.by == nil {
		q.by = make(map[string]*rate.Limiter)
	}
	if len(q.by) >= maxQuotas {
		q.forget(now)
	}
	limit = rate.NewLimiter(rate.Limit(q.of.PerSecond), q.of.Burst)
	q.by[who] = limit
	return limit, q.of
}

// forget drops the one of some askers that has asked least. mu is held.
func (q *quotas) forget(now time.Time) {
	best, most, seen := "", -1.0, 0
	for who, of := range q.by {
		if has := of.TokensAt(now); has > most {
			best, most = who, has
		}
		if seen++; seen == lookAt {
			break
		}
	}
	delete(q.by, best)
}

// within says whether who asks may still ask, and answers where not. Who has no token has
// one quota for each address, who has one for each token: names cannot be made up.
func (g *guard) within(w http.ResponseWriter, r *http.Request, who auth.Identity) bool {
	asker := "token " + who.Name
	if who.Role == auth.Nobody {
		asker = "address " + source(r.RemoteAddr).String()
	}
	wait, of := g.quotas.take(w.Header(), asker, g.now())
	if wait == 0 {
		return true
	}
	g.refuse.note(r, who, TooMany)
	seconds := strconv.Itoa(int(math.Ceil(wait.Seconds())))
	w.Header().Set("Retry-After", seconds)
	problem(w, http.StatusTooManyRequests, fmt.Sprintf("%s has asked too often: at most %v times a second on the whole, and %d times at once; ask again in %s s",
		asker, of.PerSecond, of.Burst, seconds))
	return false
}
