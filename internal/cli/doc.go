// Package cli is the command line: it parses arguments, runs one command and
// turns what became of it into an exit code and lines that an operator can
// act on.
//
// Exit codes: 0 success, 1 it ran and failed, 2 usage or configuration.
// `loka status --check` has those of monitoring plugins instead: 0 ok, 1 warning,
// 2 critical, 3 unknown.
// Results go to stdout, errors to stderr, one line each.
//
// The commands know no global state. What they need of the process (streams,
// environment, signals, the proxy itself) is in an [environment], so that a
// test can run them whole.
package cli
