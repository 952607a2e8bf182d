// Package validate is the middleware that refuses requests whose fields are
// out of range, whoever sends them.
//
// An authorize whose login is not 1…[Config.MaxLogin] characters of printable
// ASCII without space (0x21–0x7e), or whose password is longer than
// [Config.MaxPassword] bytes, is answered [mining.Unauthorized]. A submit
// whose job cannot be ours is answered [mining.JobNotFound]; one without an
// extranonce2 or with version bits outside of what any miner may
// roll ([Config.VersionBits]) is answered [mining.Invalid]. Everything else
// goes on unchanged.
//
// A route may forbid more ([Policy]): logins without TLS or by other names than those
// of its globs are answered [mining.Unauthorized], a wish for version bits is refused,
// and a suggested difficulty and what a password asks for are passed over. Before it is
// settled which route the miner comes to, a login is refused where any route that is left
// refuses it, and all else where all of them do.
//
// It does not know workers, jobs, targets or what a connection was granted:
// the session checks what follows from the protocol, the house what follows
// from the job. It keeps nothing of a connection, allocates nothing for a share and is
// safe for any number of goroutines.
package validate
