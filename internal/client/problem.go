package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/loka/stratum/internal/figures"
)

var (
	errTooLong   = errors.New("it is longer than any answer of the API")
	errNoSummary = errors.New("it is no summary")
)

// AddressError is a Base that is none.
type AddressError struct{ Base string }

// Error implements error.
func (e *AddressError) Error() string {
	return e.Base + " is no address; write HOST:PORT such as 127.0.0.1:9090"
}

// UnreachableError is an address at which nobody answers.
type UnreachableError struct {
	Base string
	Err  error
}

// Error implements error.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no proxy answers at %s (%v)", e.Base, e.Err)
}

// Unwrap is why.
func (e *UnreachableError) Unwrap() error { return e.Err }

// BrokenError is an answer that was not completed.
type BrokenError struct {
	Base string
	// Bytes is how much of it has come.
	Bytes int64
	Err   error
}

// Error implements error.
func (e *BrokenError) Error() string {
	return fmt.Sprintf("%s broke off after %d bytes (%v), so that is not all of it", e.Base, e.Bytes, e.Err)
}

// Unwrap is why.
func (e *BrokenError) Unwrap() error { return e.Err }

// ForeignError is an answer that cannot be one of this version of loka.
type ForeignError struct {
	Base string
	// Read says that something was only asked, so that whoever answers may be something
	// else altogether.
	Read bool
	Err  error
}

// Error implements error.
func (e *ForeignError) Error() string {
	if e.Read {
		return fmt.Sprintf("what answers at %s is no loka", e.Base)
	}
	return fmt.Sprintf("the answer of %s cannot be read (%v); is it a loka of this version?", e.Base, e.Err)
}

// Unwrap is why.
func (e *ForeignError) Unwrap() error { return e.Err }

// ProblemError is what the proxy says when it does not do something: an RFC 9457 document, or
// an answer that has none.
type ProblemError struct {
	Base, Method, Path string
	// Status is HTTP's.
	Status int
	// Detail says in words what is wrong and what would be right, without anything that
	// steers a terminal; empty where the answer was no problem document.
	Detail string
	// RetryAfter is how long to wait before asking again; 0: nothing was said.
	RetryAfter time.Duration
	// HadToken says that a token was shown.
	HadToken bool
}

// Error implements error.
func (p *ProblemError) Error() string {
	switch {
	case p.Status == http.StatusUnauthorized && !p.HadToken:
		return p.Base + " wants a token"
	case p.Status == http.StatusUnauthorized:
		return p.Base + " does not take this token"
	case p.Status == http.StatusForbidden:
		return fmt.Sprintf("%s refuses: %s", p.Base, cmp.Or(p.Detail, "the token's role is too low"))
	case p.Detail != "":
		return p.Detail
	case p.Status == http.StatusTooManyRequests:
		wait := cmp.Or(p.RetryAfter, time.Minute)
		return fmt.Sprintf("%s was asked too often; try again in %d s", p.Base, int(wait.Seconds()))
	}
	return fmt.Sprintf("%s answers %q to %s %s; is it a loka of this version?", p.Base,
		strconv.Itoa(p.Status)+" "+http.StatusText(p.Status), p.Method, p.Path)
}

// Advice is what to do about it, in words; empty: the error says it, or nobody knows.
func (p *ProblemError) Advice() string {
	switch p.Status {
	case http.StatusUnauthorized:
		return "give the token of the proxy's data folder, or one that loka token add has made"
	case http.StatusForbidden:
		return "give a token with a higher role"
	case http.StatusTooManyRequests:
		return "ask again in " + figures.Span(cmp.Or(p.RetryAfter, time.Minute))
	case http.StatusMisdirectedRequest:
		return "name the proxy by a loopback address, or give a token"
	}
	return ""
}

// Refused says that it is the token that is not enough.
func (p *ProblemError) Refused() bool {
	return p.Status == http.StatusUnauthorized || p.Status == http.StatusForbidden
}

// Status is that of the problem in an error; 0: there is none.
func Status(err error) int {
	if p, ok := errors.AsType[*ProblemError](err); ok {
		return p.Status
	}
	return 0
}

// Unreachable says that nobody answered, or that the answer broke off: asking again
// later may do.
func Unreachable(err error) bool {
	_, away := errors.AsType[*UnreachableError](err)
	_, broke := errors.AsType[*BrokenError](err)
	return away || broke
}

// problem is what an answer comes to that is no success.
func (c *Client) problem(k *call, res *http.Response, text []byte) *ProblemError {
	p := &ProblemError{Base: c.base, Method: k.method, Path: k.path, Status: res.StatusCode, HadToken: c.token != ""}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
		p.RetryAfter = time.Duration(s) * time.Second
	}
	if to := res.Header.Get("Location"); to != "" && res.StatusCode < http.StatusBadRequest {
		p.Detail = fmt.Sprintf("%s sends on to %s; name that address if it is right", c.base, figures.Visible(to))
		return p
	}
	var doc struct{ Detail string }
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if kind == "application/problem+json" && json.Unmarshal(text, &doc) == nil {
		p.Detail = figures.Visible(doc.Detail)
	}
	return p
}

// rootOf is the cause of a failed request, without the URL that is named already.
func rootOf(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	if at, ok := errors.AsType[*url.Error](err); ok {
		if at.Timeout() && errors.Is(at.Err, context.DeadlineExceeded) {
			return errors.New("it took too long") //nolint:err113 // words for whoever reads it
		}
		return at.Err
	}
	return err
}
