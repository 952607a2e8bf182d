package logins

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/steer"
)

// Name is the middleware's.
const Name = "logins"

// Config is the middleware's settings; the zero Config lets all in.
type Config struct {
	// Allow, if not empty, are globs of which one must match the login.
	Allow []string
	// Password is the secret of all whom File does not name, itself or as a
	// [Hash]'s text; empty is none.
	Password mining.Secret
	// HasFile says that there is a file, Entries are its lines.
	HasFile bool
	Entries []Entry
	// Certificate says that the name in the miner's certificate must be its login
	// or one of the two halves of that.
	Certificate bool
	// MaxRefused is after how many refused logins a connection ends, those by a
	// [Gate] not counted; 0 is never.
	MaxRefused int
}

// Cause says why a login was refused.
type Cause string

// The causes.
const (
	CauseLogin       Cause = "login"
	CauseSecret      Cause = "secret"
	CauseCertificate Cause = "certificate"
	CauseGate        Cause = "gate"
)

// Causes lists the causes in the order of their metric series.
func Causes() []Cause { return []Cause{CauseLogin, CauseSecret, CauseCertificate, CauseGate} }

// Metrics counts refused logins. Nil members count nothing.
type Metrics struct {
	Refused func(Cause) pipeline.Counter
}

func (m *Metrics) count(c Cause) {
	if m.Refused != nil {
		pipeline.Count(m.Refused(c))
	}
}

// Standing remembers how addresses have behaved over several connections. It must not
// wait.
type Standing interface {
	// Guessed says that a login came with a secret that is wrong and was not tried for
	// that login before, as far as is remembered.
	Guessed(m *mining.Miner, now time.Time)
}

// Middleware lets miners in. Use [New].
type Middleware struct {
	rules    atomic.Pointer[rules]
	standing Standing
	metrics  Metrics
	memory   *memory
	// deriving has room for those who derive a secret at a time.
	deriving chan struct{}
	slot     pipeline.Slot
}

// rules are a Config as it is worked with.
type rules struct {
	allow       steer.Globs
	secret      bool
	certificate bool
	maxRefused  int

	exact map[string]Hash
	globs steer.Globs
	// ofGlobs are the hashes of globs, in their order.
	ofGlobs []Hash
	// common is of the password; nobody what those are compared with who have no
	// hash, in vain.
	common    Hash
	hasCommon bool
	nobody    Hash
}

// New returns the middleware. It fails on a password that is meant to be a hash and is
// none. standing may be nil.
func New(cfg Config, standing Standing, metrics Metrics) (*Middleware, error) {
	m := &Middleware{
		standing: standing, metrics: metrics, memory: newMemory(),
		deriving: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
	if err := m.Reconfigure(cfg); err != nil {
		return nil, err
	}
	return m, nil
}

// Reconfigure puts other settings in place, for logins from now on; on an error
// those before hold.
func (m *Middleware) Reconfigure(cfg Config) error {
	use, err := m.Prepare(cfg)
	if err == nil {
		use()
	}
	return err
}

// Prepare makes everything ready for other settings, which use then puts in place.
func (m *Middleware) Prepare(cfg Config) (use func(), err error) {
	r := &rules{
		allow: steer.CompileGlobs(cfg.Allow), certificate: cfg.Certificate, maxRefused: cfg.MaxRefused,
		secret: cfg.HasFile || cfg.Password != "", exact: make(map[string]Hash),
	}
	iterations := DefaultIterations
	var globs []string
	for i, e := range cfg.Entries {
		if i == 0 {
			iterations = e.Hash.iterations
		}
		if isGlob(e.Login) {
			globs, r.ofGlobs = append(globs, e.Login), append(r.ofGlobs, e.Hash)
		} else {
			r.exact[e.Login] = e.Hash
		}
	}
	r.globs = steer.CompileGlobs(globs)
	if err := r.takePassword(cfg.Password, iterations); err != nil {
		return nil, err
	}
	return func() { m.rules.Store(r) }, nil
}

// takePassword makes the hashes of the common password and of nobody.
func (r *rules) takePassword(password mining.Secret, iterations int) (err error) {
	switch text := password.Reveal(); {
	case text == "":
	case IsHash(text):
		r.hasCommon = true
		if r.common, err = ParseHash(text); err != nil {
			return fmt.Errorf("password: %w", err)
		}
		iterations = r.common.iterations
	default:
		r.hasCommon = true
		if r.common, err = NewHash(text, iterations); err != nil {
			return err
		}
	}
	if r.secret {
		r.nobody, err = NewHash("", iterations)
		r.nobody.key = make([]byte, len(r.nobody.key)) // what nothing comes to
	}
	return err
}

// hashOf is what a login's secret is compared with.
func (r *rules) hashOf(login string) Hash {
	if h, ok := r.exact[login]; ok {
		return h
	}
	if i := r.globs.Index(login); i >= 0 {
		return r.ofGlobs[i]
	}
	if r.hasCommon {
		return r.common
	}
	return r.nobody
}

// Name is "logins".
func (*Middleware) Name() string { return Name }

// Wrap returns the check before next.
func (m *Middleware) Wrap(next pipeline.Handler, slot pipeline.Slot) pipeline.Handler {
	m.slot = slot
	return &handler{Middleware: m, next: next}
}

// refusals counts a connection's refused logins.
type refusals struct{ n int }

// Enter implements [pipeline.Enterer].
func (*Middleware) Enter(*mining.Miner, time.Time) any { return new(refusals) }

type handler struct {
	*Middleware

	next pipeline.Handler
}

// Handle implements [pipeline.Handler].
func (h *handler) Handle(m *mining.Miner, req *mining.Request) mining.Answer {
	if req.Kind != mining.Authorize || req.Worker == nil {
		return h.next.Handle(m, req)
	}
	r := h.rules.Load()
	cause := h.judge(r, m, req)
	if cause == "" {
		return h.next.Handle(m, req)
	}
	h.metrics.count(cause)
	a := pipeline.Refuse(req, mining.Unauthorized)
	if s := pipeline.Kept[refusals](m, h.slot); s != nil {
		if s.n++; r.maxRefused > 0 && s.n >= r.maxRefused {
			a.Close = mining.LoginRefused
		}
	}
	return a
}

// judge says why a login is refused, "" for not at all. The secret, where one is
// asked for, is taken off the password then.
func (m *Middleware) judge(r *rules, miner *mining.Miner, req *mining.Request) (cause Cause) {
	login := req.Worker.Login
	if r.secret { // before all else, so that it takes the same time for all
		secret, options, _ := strings.Cut(req.Password.Reveal(), ",")
		right, fresh := m.matches(r.hashOf(login), login, secret)
		if !right {
			cause = CauseSecret
		}
		if fresh && !right && m.standing != nil {
			m.standing.Guessed(miner, req.At)
		}
		req.Password = mining.Secret(options)
	}
	switch {
	case !r.allow.Empty() && !r.allow.Match(login):
		cause = CauseLogin
	case r.certificate && !isNamed(miner.ClientName, login):
		cause = CauseCertificate
	}
	return cause
}

// isNamed says that a certificate's name is a login, or one of its halves.
func isNamed(name, login string) bool {
	w := mining.NewWorker(login)
	return name != "" && (name == login || name == w.User || name == w.Name)
}

// matches says whether a secret is right for a login whose hash is h, and whether that
// had to be found out.
func (m *Middleware) matches(h Hash, login, secret string) (ok, fresh bool) {
	if len(secret) > maxSecret {
		secret = "" // it is nobody's, whatever it is
	}
	// What is wrong is so for this hash: a reload may have another one for the login
	// while this is derived.
	hash := h.String()
	right, wrong := m.memory.mark(hash, secret), m.memory.mark(hash+" "+login, secret)
	if isRight, isWrong := m.memory.knows(right, wrong); isRight || isWrong {
		return isRight, false
	}
	m.deriving <- struct{}{}
	defer func() { <-m.deriving }()
	if isRight, isWrong := m.memory.knows(right, wrong); isRight || isWrong { // while we waited
		return isRight, false
	}
	ok = h.Matches(secret) && secret != ""
	m.memory.learn(right, wrong, ok)
	return ok, true
}
