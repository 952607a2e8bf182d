package store

import (
	"context"
	"net/netip"
	"time"
)

// BanKey is whom a ban is about; of an instance there is one of each.
type BanKey struct {
	// Kind is what is done to them, in a word of whoever keeps bans.
	Kind string
	// Prefix is where they come from; the zero Prefix is anywhere.
	Prefix netip.Prefix
	// Login is a worker's, or a glob; empty is whoever it is.
	Login string
}

// Ban is a ban as it is kept, in force or not.
type Ban struct {
	BanKey

	// Cause is why, in a word; By is who said so and Comment what was said.
	Cause, By, Comment string
	// Since and Until are when it is in force, in UTC; a zero Until is for ever.
	Since, Until time.Time
	// Times is which one of these it is in a row, from 1.
	Times int
}

// Bans keeps bans.
type Bans interface {
	// Bans are those of an instance, in no order.
	Bans(ctx context.Context, instance string) ([]Ban, error)
	// KeepBans puts bans in place of those of the same key and forgets others, all
	// of it or nothing.
	KeepBans(ctx context.Context, instance string, put []Ban, forget []BanKey) error
}
