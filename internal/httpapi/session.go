package httpapi

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/loka/stratum/internal/auth"
)

const (
	// sessionIdle is how long a browser may say nothing before it has to sign in
	// again, sessionTerm how long whatever it does.
	sessionIdle = 12 * time.Hour
	sessionTerm = 7 * 24 * time.Hour
	// maxSessions bounds the sessions of one token, of which there are not many: the
	// one that was idle for longest gives way.
	maxSessions = 32
	// sessionBytes is how much chance there is in a session's id.
	sessionBytes = 32
)

// errSessionOver is a session that is over, or of another life of this process, which
// keeps none.
var errSessionOver = errors.New("the session is over")

// session is a browser that has shown a token. What it shows since is an id that is
// worth nothing elsewhere, and here as long as the token lets in.
type session struct {
	token       auth.Sum
	since, seen time.Time
}

// over says that its time is.
func (s *session) over(now time.Time) bool {
	return now.Sub(s.seen) >= sessionIdle || now.Sub(s.since) >= sessionTerm
}

// sessions are those that there are. Any number of goroutines may use them.
type sessions struct {
	// Static after construction.
	tokens Verifier
	cookie string

	// by has them by the sum of their ids, which are kept nowhere.
	mu sync.Mutex
	by map[auth.Sum]*session
}

// newSessions makes those of an instance. Browsers have cookies by host, whatever the
// port is, so that each of several instances of a machine has one by another name.
func newSessions(tokens Verifier, instance string) *sessions {
	sum := sha256.Sum256([]byte(instance))
	return &sessions{tokens: tokens, cookie: "loka_session_" + hex.EncodeToString(sum[:4]), by: make(map[auth.Sum]*session)}
}

// identify says whose session a request shows: [errNoToken] if none, [errSessionOver]
// if one that lets nobody in any more. Another page's request is nobody's.
func (s *sessions) identify(r *http.Request, now time.Time) (auth.Identity, error) {
	shown, err := r.Cookie(s.cookie)
	if err != nil || !sameOrigin(r) {
		return auth.Identity{}, errNoToken
	}
	id := sha256.Sum256([]byte(shown.Value))
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.by[id]
	if found == nil {
		return auth.Identity{}, errSessionOver
	}
	if !found.over(now) {
		if who, err := s.tokens.CheckSum(found.token, now); err == nil {
			found.seen = now
			return who, nil
		}
	}
	delete(s.by, id)
	return auth.Identity{}, errSessionOver
}

// begin makes a session of a token and returns its id.
func (s *sessions) begin(token auth.Sum, now time.Time) string {
	secret := make([]byte, sessionBytes)
	_, _ = rand.Read(secret) // never fails
	id := base64.RawURLEncoding.EncodeToString(secret)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	s.giveWay(token)
	s.by[sha256.Sum256([]byte(id))] = &session{token: token, since: now, seen: now}
	return id
}

// sweep forgets those that let nobody in any more. mu is held.
func (s *sessions) sweep(now time.Time) {
	for id, one := range s.by {
		if _, err := s.tokens.CheckSum(one.token, now); err != nil || one.over(now) {
			delete(s.by, id)
		}
	}
}

// giveWay makes room for one more of a token. mu is held.
func (s *sessions) giveWay(token auth.Sum) {
	var idlest auth.Sum
	var seen time.Time
	of := 0
	for id, one := range s.by {
		if one.token != token {
			continue
		}
		if of++; of == 1 || one.seen.Before(seen) {
			idlest, seen = id, one.seen
		}
	}
	if of >= maxSessions {
		delete(s.by, idlest)
	}
}

// end ends the session that a request shows.
func (s *sessions) end(r *http.Request) {
	if shown, err := r.Cookie(s.cookie); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.by, sha256.Sum256([]byte(shown.Value)))
	}
}

// set has the browser show a session from now on; an empty id has it forget the one
// that it has. No script reads it, and it goes with nothing that another site begins.
func (s *sessions) set(w http.ResponseWriter, r *http.Request, id string) {
	c := &http.Cookie{ //nolint:gosec // G124: a connection on loopback is not encrypted
		Name: s.cookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: byTLS(r), MaxAge: int(sessionTerm / time.Second),
	}
	if id == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}
