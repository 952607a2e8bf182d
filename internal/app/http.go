package app

import (
	"log/slog"
	"time"

	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/serve"
	"github.com/loka/stratum/internal/web"
)

// disconnecter ends miners' connections for the API.
type disconnecter struct{ *serve.Server }

// Disconnect implements [httpapi.Disconnecter].
func (d disconnecter) Disconnect(id mining.MinerID) bool {
	c := d.Find(id)
	if c == nil {
		return false
	}
	c.Close(mining.Disconnected)
	return true
}

// Describe implements [httpapi.Disconnecter].
func (d disconnecter) Describe(id mining.MinerID) any {
	c := d.Find(id)
	if c == nil {
		return nil
	}
	s := c.State()
	return struct {
		Remote  string   `json:"remote"`
		Workers []string `json:"workers"`
	}{s.Miner.Remote.String(), s.Session.Workers}
}

// newHTTP makes the page, the API and the metrics, and what they need besides
// deps.
func newHTTP(cfg *config.Config, c *counts, deps httpapi.Deps) (*httpapi.Server, *web.Server, error) {
	book, err := openTokens(cfg.DataDir, deps.Logger)
	if err != nil {
		return nil, nil, err
	}
	page, err := web.New(web.Deps{
		Model: whole{deps.Model, deps.Alerts}, Now: time.Now, Who: auth.IdentityOf, Sources: sources(&deps), Logger: deps.Logger,
		Earner: httpapi.NewEarnings(deps.Records, deps.Model), Log: deps.Events,
	})
	if err != nil {
		return nil, nil, err
	}
	deps.Token, deps.Tokens, deps.Now, deps.Counts = book, book, time.Now, c.http()
	deps.Metrics, deps.Page, deps.SignIn = c.m.Handler(), page, signInBy(page)
	deps.Quota = quota(cfg)
	return httpapi.New(httpapi.Config{Listen: cfg.HTTP.Listen}, deps), page, nil
}

// quota is how often one may ask the API.
func quota(cfg *config.Config) httpapi.Quota {
	return httpapi.Quota{PerSecond: cfg.HTTP.RateLimit, Burst: cfg.HTTP.RateBurst}
}

// openTokens reads the tokens of a data directory, or makes the admin's.
func openTokens(dir string, log *slog.Logger) (*auth.Book, error) {
	token, created, err := auth.LoadOrCreate(dir)
	if err != nil {
		return nil, err
	}
	if created {
		log.Info("admin token written", "file", auth.TokenFile, "data_dir", dir)
	}
	book, damaged, err := auth.Open(dir, token)
	if damaged != nil {
		log.Error("the tokens cannot be read: the admin token alone lets anybody in", "error", damaged)
	}
	return book, err
}
