//go:build !linux

package listen

// Backlog says what waits to be accepted; ok is false where the system does not say.
func (*Listener) Backlog() (Backlog, bool) { return Backlog{}, false }

// ReadOverflows reads how often the kernel has dropped who wanted to connect; ok is
// false where it does not say.
func ReadOverflows() (Overflows, bool) { return Overflows{}, false }
