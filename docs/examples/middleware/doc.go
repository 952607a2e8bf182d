// Package middleware is an example of a middleware, from its contract to its tests:
// it bounds how many workers one connection may log in. docs/MIDDLEWARE.md goes
// with it.
//
// An authorize beyond [Config.MaxWorkers] is answered [mining.Unauthorized] and goes
// no further; one that was refused further on does not count. Everything else goes on
// unchanged. It keeps one number of each connection, in its slot, and allocates
// nothing for a share.
package middleware
