// Package events tells what happens: connections that come and go, shares, jobs,
// pools that change their state, miners that change their pool, alerts, bans, and what
// administrators do. Whoever knows of something publishes an [Event]; the [Log] numbers
// it, remembers the latest, and hands it to those who follow.
//
// It does not know who publishes or follows, nor HTTP or files: what is worth keeping
// over a restart is handed to a [Keeper].
//
// Invariants: [Log.Publish] never waits, neither for a follower nor for a disk, and calls
// nobody; an id is never given twice, and grows over restarts, too; everything is
// bounded: what happens too often is counted in one event, the oldest is forgotten, and
// who follows too slowly is let go.
package events
