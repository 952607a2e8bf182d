package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/pace"
)

// Refusal is why a request was not served, in one word.
type Refusal string

// The refusals.
const (
	NoToken      Refusal = "no_token"
	WrongToken   Refusal = "wrong_token"
	ExpiredToken Refusal = "expired_token"
	// LowRole is a token that may do less.
	LowRole Refusal = "role"
	// Throttled is a wrong token after many others.
	Throttled Refusal = "throttled"
	// TooMany is a request after too many others.
	TooMany Refusal = "rate_limited"
	// CrossSite is a write that another web page has a browser send.
	CrossSite Refusal = "cross_site"
	// WrongHost is a read on loopback whose Host does not name it.
	WrongHost Refusal = "host"
)

// Refusals lists them.
func Refusals() []Refusal {
	return []Refusal{NoToken, WrongToken, ExpiredToken, LowRole, Throttled, TooMany, CrossSite, WrongHost}
}

// Counter counts.
type Counter interface{ Inc() }

// Metrics are what a server counts. A nil one is not counted.
type Metrics struct {
	// Refused counts requests that were not served.
	Refused func(Refusal) Counter
}

// refuser counts and logs what is refused, and says why.
type refuser struct {
	metrics Metrics
	log     *slog.Logger
	now     func() time.Time
	wrong   throttle
	paces   map[Refusal]*pace.Pace
}

func newRefuser(deps Deps) *refuser {
	f := &refuser{metrics: deps.Counts, log: deps.Logger, now: deps.Now, paces: make(map[Refusal]*pace.Pace)}
	for _, why := range Refusals() {
		f.paces[why] = new(pace.Pace)
	}
	return f
}

// note counts a refusal. Writes, and tokens that are none, are logged: one of a kind
// a minute, for anybody can cause them at will.
func (f *refuser) note(r *http.Request, who auth.Identity, why Refusal) {
	if f.metrics.Refused != nil {
		f.metrics.Refused(why).Inc()
	}
	if read(r) && why != WrongToken && why != Throttled {
		return
	}
	if f.paces[why].Due(f.now()) {
		f.log.WarnContext(r.Context(), "http request refused; more of this kind within a minute are only counted",
			"reason", string(why), "method", fmt.Sprintf("%.20s", r.Method), "path", fmt.Sprintf("%.200s", r.URL.Path), "remote", r.RemoteAddr, "who", who.String())
	}
}

// unauthorized answers who has shown no token that lets in; err is why it does not.
func (f *refuser) unauthorized(w http.ResponseWriter, r *http.Request, who auth.Identity, err error) {
	switch {
	case errors.Is(err, auth.ErrExpired):
		f.note(r, who, ExpiredToken)
		challenge(w, fmt.Sprintf("the token %s has expired; an admin makes another with loka token add", who.Name))
	case errors.Is(err, auth.ErrUnknown):
		if wait := f.wrong.wrong(r.RemoteAddr, f.now()); wait > 0 {
			f.note(r, who, Throttled)
			seconds := strconv.Itoa(int(math.Ceil(wait.Seconds())))
			w.Header().Set("Retry-After", seconds)
			problem(w, http.StatusTooManyRequests, "too many wrong tokens came from this address: the next one is looked at in "+seconds+" s; one that is right is let in at any time")
			return
		}
		f.note(r, who, WrongToken)
		challenge(w, "this token is not known here, or is no more; the admin token is in the file api.token of data_dir, loka token list shows the others")
	default:
		f.note(r, who, NoToken)
		challenge(w, "this needs the header Authorization: Bearer TOKEN; the admin token is in the file api.token of data_dir, loka token add makes others")
	}
}

// forbidden answers whose token may do less.
func (f *refuser) forbidden(w http.ResponseWriter, r *http.Request, who auth.Identity, least auth.Role) {
	f.note(r, who, LowRole)
	problem(w, http.StatusForbidden, fmt.Sprintf("this is for the role %s, and the token %s has the role %s; an admin makes another with loka token add --role %s",
		least, who.Name, who.Role, least))
}

// crossSite answers a write that another web page has sent.
func (f *refuser) crossSite(w http.ResponseWriter, r *http.Request, who auth.Identity) {
	f.note(r, who, CrossSite)
	problem(w, http.StatusForbidden, "a web page of another origin has the browser send this (Origin or Sec-Fetch-Site says so), which is not done; programs leave these headers out")
}

// misdirected answers a request on loopback that does not name it.
func (f *refuser) misdirected(w http.ResponseWriter, r *http.Request, who auth.Identity) {
	f.note(r, who, WrongHost)
	problem(w, http.StatusMisdirectedRequest, "this address is served on loopback only, and the request's Host "+
		"does not name it: use http://localhost or http://127.0.0.1 with the port, or send a token")
}

func challenge(w http.ResponseWriter, detail string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="loka"`)
	problem(w, http.StatusUnauthorized, detail)
}
