package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/loka/stratum/internal/certs"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/listen"
	"github.com/loka/stratum/internal/mining"
)

// errRemoved ends a listener that is not configured any more.
var errRemoved = errors.New("the listener is not configured any more")

// served is a listener that accepts.
type served struct {
	address  string // as configured
	listener *listen.Listener
	end      context.CancelCauseFunc
}

// makeListeners makes the miners' listeners within what the descriptor limit
// allows.
func (a *App) makeListeners(cfg *config.Config) (err error) {
	if a.descriptors, err = listen.RaiseFileLimit(); err != nil {
		a.log.Warn("descriptor limit cannot be raised", "error", err)
	}
	most := a.mostMiners(cfg)
	if most < 1 {
		return fmt.Errorf("the descriptor limit of %d leaves room for no miner; raise it (ulimit -n, LimitNOFILE=)", a.descriptors)
	}
	encrypted, err := a.certs.Load(time.Now(), certSpecs(cfg))
	if err != nil {
		return err
	}
	a.door.Reconfigure(doorConfig(cfg, most))
	for i := range cfg.Listeners {
		a.first = append(a.first, a.newListener(listenConfig(cfg, encrypted, i)))
	}
	a.certs.Use(context.Background(), encrypted)
	return nil
}

// mostMiners is how many miners may be connected at a time.
func (a *App) mostMiners(cfg *config.Config) int {
	most, each := cfg.Server.MaxConnections, descriptorsPerMiner(cfg)
	allowed := listen.ClampConnections(most, a.descriptors, each)
	if allowed >= most {
		return most
	}
	if a.door.Max() != allowed { // it is said once
		a.log.Warn("max_connections is clamped to what the descriptor limit allows",
			"max_connections", most, "allowed", allowed, "descriptors", a.descriptors, "per_miner", each)
	}
	return allowed
}

// newListener makes a listener of miners.
func (a *App) newListener(cfg listen.Config) *listen.Listener {
	return listen.New(cfg, listen.Deps{
		Gate: a.gate, Turns: a.turns, Handshakes: a.handshakes, Logger: a.log, Metrics: a.counts.listen(), Serve: a.admit, Tunnel: a.hub.Tunnel,
	})
}

// open binds the addresses of listeners that are new.
func (a *App) open(ctx context.Context, next []listen.Config) (opened []*listen.Listener, err error) {
	a.mu.Lock()
	have := make(map[string]bool)
	for _, s := range a.served {
		have[s.address] = true
	}
	up := a.accepting != nil && a.accepting.Err() == nil
	a.mu.Unlock()
	if !up {
		return nil, errNotRunning
	}
	for i := range next {
		if have[next[i].Address] {
			continue
		}
		l := a.newListener(next[i])
		if err := l.Listen(ctx); err != nil {
			for _, one := range opened {
				_ = one.Close()
			}
			return nil, err
		}
		opened = append(opened, l)
	}
	return opened, nil
}

// relisten lets new listeners accept, those that stay go by their configuration
// now, and ends those that are gone, and their miners' connections, of which it
// returns the number.
func (a *App) relisten(next []listen.Config, opened []*listen.Listener) (closed int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.accepting.Err() != nil { // a stop has begun
		for _, l := range opened {
			_ = l.Close()
		}
		return 0
	}
	var stay []served
	for _, s := range a.served {
		i := slices.IndexFunc(next, func(l listen.Config) bool { return l.Address == s.address })
		if i >= 0 {
			s.listener.Reconfigure(next[i])
			stay = append(stay, s)
			continue
		}
		s.end(errRemoved)
		closed += a.serve.CloseListener(s.address, mining.ListenerRemoved)
	}
	a.served = stay
	for _, l := range opened {
		a.accept(l)
	}
	return closed
}

// listenConfigs are those of all listeners.
func listenConfigs(cfg *config.Config, encrypted *certs.Set) []listen.Config {
	all := make([]listen.Config, 0, len(cfg.Listeners))
	for i := range cfg.Listeners {
		all = append(all, listenConfig(cfg, encrypted, i))
	}
	return all
}

// accept runs a bound listener. a.mu is held.
func (a *App) accept(l *listen.Listener) {
	ctx, end := context.WithCancelCause(a.accepting)
	a.served = append(a.served, served{l.Address(), l, end})
	a.accepts.Go(func() {
		err := l.Run(ctx)
		switch {
		case err == nil:
		case errors.Is(context.Cause(ctx), errRemoved):
			a.log.LogAttrs(ctx, slog.LevelWarn, "listener that is not configured any more ended late", slog.String("listener", l.Address()), slog.Any("error", err))
		default:
			a.fail("listener "+l.Addr().String(), err)
		}
	})
}
