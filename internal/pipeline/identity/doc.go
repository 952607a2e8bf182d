// Package identity is the middleware that makes a [mining.Worker] of the
// login that a miner authorizes with, and lets nobody in without one.
//
// On an authorize it puts the worker into the request before the next
// handler sees it; the session keeps that worker when the authorize is
// accepted and names it in every submit. A submit without a worker goes on:
// the session has refused it, but it may be a block.
//
// It does not judge the login's characters (validate does, and stands before
// it) nor whether the worker may mine (the house does). It holds no state
// and is safe for any number of goroutines. An authorize allocates the
// worker; a submit allocates nothing.
package identity
