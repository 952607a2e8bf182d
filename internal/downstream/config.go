package downstream

import (
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Config is what a session is told at its start. A zero field takes the
// value of [DefaultConfig], but for the times, where zero means no limit.
type Config struct {
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

// DefaultConfig returns the defaults of every field.
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

// complete is c, or a copy with its counts filled in if any is not set.
func (c *Config) complete() *Config {
	if c.MaxPending > 0 && c.MaxWorkers > 0 && c.MaxErrors > 0 {
		return c
	}
	full, d := *c, DefaultConfig()
	if full.MaxPending <= 0 {
		full.MaxPending = d.MaxPending
	}
	if full.MaxWorkers <= 0 {
		full.MaxWorkers = d.MaxWorkers
	}
	if full.MaxErrors <= 0 {
		full.MaxErrors = d.MaxErrors
	}
	return &full
}

// CloseError says that the connection must end. What was appended to the
// [Out] of the same call is still to be sent.
type CloseError struct {
	// Reason is why.
	Reason mining.Reason
}

// Error names the reason.
func (e *CloseError) Error() string { return "miner session ends: " + string(e.Reason) }
