package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/loka/stratum/internal/load"
)

// startPatience bounds the wait for the proxy to be ready, and for what has left to be
// gone.
const startPatience = 30 * time.Second

// rig is everything that runs: the pool, the proxy and the bare server here, the miners
// in a process of their own.
type rig struct {
	ctx    context.Context //nolint:containedctx // the rig lives as long as one call of Run
	pool   *load.Pool
	server *load.Server
	proxy  Proxy
	load   *load.Process
	// bare is made once the proxy's words are known.
	bare *load.Server
}

func newRig(ctx context.Context, deps Deps) (r *rig, err error) {
	r = &rig{ctx: ctx, pool: &load.Pool{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.end())
		}
	}()
	if r.server, err = load.NewServer(ctx, r.pool.Serve); err != nil {
		return r, err
	}
	if r.proxy, err = deps.Start(ctx, r.server.Addr()); err != nil {
		return r, err
	}
	cmd := exec.CommandContext(ctx, deps.Child[0], deps.Child[1:]...) //nolint:gosec // this program itself
	cmd.Stderr = os.Stderr
	if r.load, err = load.Start(cmd); err != nil {
		return r, err
	}
	if err := r.await("the proxy is not ready", r.proxy.Ready); err != nil {
		return r, err
	}
	words, err := load.Learn(ctx, r.proxy.Addr(), 99_999)
	if err != nil {
		return r, err
	}
	r.bare, err = load.NewServer(ctx, func(conn net.Conn) { words.Serve(conn) })
	return r, err
}

// end ends what there is, miners first.
func (r *rig) end() (err error) {
	if r.load != nil {
		r.load.Close()
	}
	if r.bare != nil {
		r.bare.Close()
	}
	if r.proxy != nil {
		err = r.proxy.Stop()
	}
	if r.server != nil {
		r.pool.End()
		r.server.Close()
	}
	return err
}

// await polls until something is so.
func (r *rig) await(not string, so func() bool) error {
	for end := time.Now().Add(startPatience); !so(); {
		if err := r.rest(10 * time.Millisecond); err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s after %s", not, startPatience)
		}
	}
	return nil
}

// rest lets time pass.
func (r *rig) rest(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	}
}

// connect has n miners with work at an address, and tells how long that took.
func (r *rig) connect(addr string, n int) (time.Duration, error) {
	report, err := r.load.Do("open %s %d true", addr, n)
	return time.Duration(report.Elapsed), err
}

// leave ends the miners' connections and waits until the other side has, too.
func (r *rig) leave(addr string) error {
	if _, err := r.load.Do("close"); err != nil {
		return err
	}
	err := r.await("miners that have left are still there", func() bool {
		left, err := load.Sockets(addr)
		return err == nil && len(left) == 0
	})
	return errors.Join(err, r.rest(100*time.Millisecond)) // what has no descriptor any more may still be cleaned up after
}

// announce has the pool find a block.
func (r *rig) announce() (time.Time, error) { return r.pool.Announce(), nil }

// renew gives all miners new work.
func (r *rig) renew() error {
	_, err := r.load.Received(r.announce)
	return err
}
