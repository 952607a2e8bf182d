package link

import (
	"context"

	"github.com/loka/stratum/internal/mining"
)

// Pause ends the connection and lets no other be made until [Keeper.Resume].
// Meanwhile the pool is down, for the reason and with the line that are given. It
// does not wait for the connection's end, and may be called before [Keeper.Run].
func (k *Keeper) Pause(reason mining.Reason, text string) {
	k.mu.Lock()
	if k.resumed != nil {
		k.mu.Unlock()
		return
	}
	k.resumed = make(chan struct{})
	k.try.known, k.next = false, nil
	l := k.link
	k.enter(Down, reason, text)
	k.tellAll()
	if l != nil {
		l.Close(reason)
	}
}

// Resume takes a pause back.
func (k *Keeper) Resume() {
	k.mu.Lock()
	if k.resumed == nil {
		k.mu.Unlock()
		return
	}
	close(k.resumed)
	k.resumed = nil
	k.enter(Connecting, "", "")
	k.tellAll()
}

// tellAll tells all who want to know of a new state. mu is held and let go.
func (k *Keeper) tellAll() {
	k.wake()
	status := k.status
	k.mu.Unlock()
	if k.deps.OnChange != nil {
		k.deps.OnChange(status)
	}
}

// paused says that no connection may be made.
func (k *Keeper) paused() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.resumed != nil
}

// await waits for the end of a pause, if there is one; its error is ctx's.
func (k *Keeper) await(ctx context.Context) error {
	k.mu.Lock()
	resumed := k.resumed
	k.mu.Unlock()
	if resumed == nil {
		return nil
	}
	select {
	case <-resumed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
