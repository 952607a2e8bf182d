package cli

import (
	"cmp"
	"errors"
	"io/fs"
	"net/http"
	"syscall"

	"github.com/loka/stratum/internal/client"
)

// advice says what to do about errors of the system that stop a command.
func advice(err error) string {
	if text, ok := apiAdvice(err); ok {
		return text
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "; another program has that port: stop it (it may be another loka), or choose another port with --listen or --http"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "; this machine does not have that address: write 0.0.0.0 for all of its addresses"
	case errors.Is(err, syscall.EACCES), errors.Is(err, fs.ErrPermission):
		return "; this user may not do that: ports below 1024 need a privilege, and data_dir must be writable"
	case errors.Is(err, syscall.ENOSPC):
		return "; the disk is full: free some space, or name another folder with --data"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "; out of file descriptors: raise the limit with `ulimit -n`, or lower server.max_connections"
	}
	return ""
}

// apiAdvice says what to do about a proxy that does not answer as it should; ok is false
// where an error is about something else.
func apiAdvice(err error) (text string, ok bool) {
	const give = "--token, LOKA_TOKEN, or --data with the proxy's data folder"
	if _, is := errors.AsType[*client.UnreachableError](err); is {
		return "; is it running? `loka start` logs the address of its API, --http ADDR names it here", true
	}
	if foreign, is := errors.AsType[*client.ForeignError](err); is {
		if foreign.Read {
			return "; --http ADDR names the address of its API", true
		}
		return "", true
	}
	if _, is := errors.AsType[*client.BrokenError](err); is {
		return "; its log says why", true
	}
	if _, is := errors.AsType[*client.WriteError](err); is {
		return "", true
	}
	problem, is := errors.AsType[*client.ProblemError](err)
	switch {
	case !is:
		return "", false
	case problem.Status == http.StatusUnauthorized && !problem.HadToken:
		return ": give " + give, true
	case problem.Status == http.StatusUnauthorized:
		return ": give another by " + give + "; it says: " + cmp.Or(problem.Detail, http.StatusText(problem.Status)), true
	case problem.Status == http.StatusForbidden && problem.Detail == "":
		return "; give another by --token or LOKA_TOKEN", true
	case problem.Detail == "" && problem.Status != http.StatusTooManyRequests:
		return "; --http ADDR names the address of its API", true
	}
	return "", true
}
