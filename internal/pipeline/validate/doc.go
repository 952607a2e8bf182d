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
// It does not know workers, jobs, targets or what a connection was granted:
// the session checks what follows from the protocol, the house what follows
// from the job. It holds no state, allocates nothing and is safe for any
// number of goroutines.
package validate
