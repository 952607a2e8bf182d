// Package app is the composition root: it reads a configuration, makes every
// part, joins them, and starts and stops them in order.
//
// It knows everybody and decides nothing: whatever can be tested without it
// belongs elsewhere. It is the only importer of the adapters, and, with the
// commands, of the configuration.
//
// Invariants: [New] opens files but no socket; what [App.Run] starts has ended
// when it returns; a graceful stop finishes within server.shutdown_timeout.
package app
