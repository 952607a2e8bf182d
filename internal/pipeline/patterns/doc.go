// Package patterns is the middleware that keeps miners out, or lets only some in,
// by what they call themselves, what they log in as and where they come from.
//
// For each of the three there is a list of globs to deny and one to allow: who
// matches the first is kept out; where there is one to allow, so is who does not
// match that. User agents are looked at with the subscribe, and addresses with it
// and with each login; logins with the authorize. Who is refused is answered in its
// protocol's way (error 20 to a subscribe, 24 to an authorize) and, where the list
// says so, closed with the list's own reason. Shares of who is in are not looked at:
// a changed list holds for who comes then.
//
// Networks are better kept out before they are served at all, which is not this
// package's. It keeps nothing of a miner.
package patterns
