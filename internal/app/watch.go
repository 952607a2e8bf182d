package app

import (
	"errors"
	"fmt"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/watch"
)

// onPayoutChange maps what is done where a pool pays another.
//
//nolint:gochecknoglobals // a table
var onPayoutChange = map[config.OnPayoutChange]watch.OnChange{
	config.PayoutAlert:    watch.Alert,
	config.PayoutFailover: watch.Failover,
	config.PayoutIgnore:   watch.Ignore,
}

// watchOf is what a pool should pay, and how it should sign.
func watchOf(p *config.Pool) (watch.PoolConfig, error) {
	w := watch.PoolConfig{Tag: p.PoolTag, OnChange: onPayoutChange[p.OnPayoutChange]}
	for _, text := range p.Payout {
		script, err := watch.ParsePayout(text)
		if err != nil {
			return watch.PoolConfig{}, fmt.Errorf("payout: %w", err)
		}
		w.Payout = append(w.Payout, script)
	}
	return w, nil
}

// acceptor takes what pools pay as right, for the API.
type acceptor struct{ *hub.Hub }

// AcceptPayout implements [httpapi.Acceptor].
func (a acceptor) AcceptPayout(pool string) (ok bool, err error) {
	err = a.Hub.AcceptPayout(pool)
	switch {
	case errors.Is(err, hub.ErrNoPool):
		return false, nil
	case errors.Is(err, hub.ErrNoPayout):
		return true, httpapi.ErrNoPayout
	}
	return true, err
}
