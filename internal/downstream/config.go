package downstream

import (
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Config is what a session is told at its start. A zero field takes the
// value of [DefaultConfig], but for the times, where zero means no limit.
type Config struct {
	// SessionID is what the subscribe reply names, a hex text.
	SessionID string
	// HandshakeTimeout is how long the first complete line may take.
	HandshakeTimeout time.Duration
	// AuthorizeTimeout is how long the first accepted authorize may take.
	AuthorizeTimeout time.Duration
	// IdleTimeout is how long a miner may say nothing at all.
	IdleTimeout time.Duration
	// MaxPending is how many requests may await their replies.
	MaxPending int
	// MaxWorkers is how many logins one connection may authorize.
	MaxWorkers int
	// MaxErrors is how many lines may be malformed or of no use before the
	// connection closes.
	MaxErrors int
}

// DefaultConfig returns the defaults of every field but SessionID.
func DefaultConfig() Config {
	return Config{
		HandshakeTimeout: 15 * time.Second,
		AuthorizeTimeout: 60 * time.Second,
		IdleTimeout:      2 * time.Hour,
		MaxPending:       1024,
		MaxWorkers:       256,
		MaxErrors:        32,
	}
}

// withDefaults fills the counts that are not set.
func (c Config) withDefaults() Config {
	d := DefaultConfig()
	if c.SessionID == "" {
		c.SessionID = "00000000"
	}
	if c.MaxPending <= 0 {
		c.MaxPending = d.MaxPending
	}
	if c.MaxWorkers <= 0 {
		c.MaxWorkers = d.MaxWorkers
	}
	if c.MaxErrors <= 0 {
		c.MaxErrors = d.MaxErrors
	}
	return c
}

// CloseError says that the connection must end. What was appended to the
// [Out] of the same call is still to be sent.
type CloseError struct {
	// Reason is why.
	Reason mining.Reason
}

// Error names the reason.
func (e *CloseError) Error() string { return "miner session ends: " + string(e.Reason) }
