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
	of Quota

	mu sync.Mutex
	by map[string]*rate.Limiter
}

// take counts a request, and says in the answer's header how many are left, as the IETF's
// draft on rate limits has it. wait is how long to wait where there are none; 0: it is fine.
func (q *quotas) take(h http.Header, who string, now time.Time) (wait time.Duration) {
	if q.of.PerSecond <= 0 {
		return 0
	}
	limit := q.limiter(who, now)
	r := limit.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
	}
	left := max(limit.TokensAt(now), 0)
	full := math.Ceil((float64(q.of.Burst) - left) / q.of.PerSecond)
	h.Set("RateLimit-Policy", fmt.Sprintf(`"requests";q=%d;w=%d`, q.of.Burst, int(math.Ceil(float64(q.of.Burst)/q.of.PerSecond))))
	h.Set("RateLimit", fmt.Sprintf(`"requests";r=%d;t=%d`, int(left), int(full)))
	return wait
}

func (q *quotas) limiter(who string, now time.Time) *rate.Limiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	limit := q.by[who]
	if limit != nil {
		return limit
	}
	if q.by == nil {
		q.by = make(map[string]*rate.Limiter)
	}
	if len(q.by) >= maxQuotas {
		q.forget(now)
	}
	limit = rate.NewLimiter(rate.Limit(q.of.PerSecond), q.of.Burst)
	q.by[who] = limit
	return limit
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
	wait := g.quotas.take(w.Header(), asker, g.now())
	if wait == 0 {
		return true
	}
	g.refuse.note(r, who, TooMany)
	seconds := strconv.Itoa(int(math.Ceil(wait.Seconds())))
	w.Header().Set("Retry-After", seconds)
	problem(w, http.StatusTooManyRequests, fmt.Sprintf("%s has asked too often: at most %v times a second on the whole, and %d times at once; ask again in %s s",
		asker, g.quotas.of.PerSecond, g.quotas.of.Burst, seconds))
	return false
}
