package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

const (
	// longestAnswer bounds what is read of an answer, and longestWord what is told of an
	// error, in bytes.
	longestAnswer, longestWord = 64 << 10, 512
	// longestAfter bounds how long a service may have us wait.
	longestAfter = time.Hour
)

// kind is what a refusal means for the next attempt.
type kind uint8

// The kinds of refusal.
const (
	// passing is one that time may mend.
	passing kind = iota
	// lasting is one that it does not: the sink's URL is wrong, or what it lets in is gone.
	lasting
	// unfit is one of this message.
	unfit
)

// refusal is of a service that was reached and did not take it.
type refusal struct {
	said string
	kind kind
	// after is how long it wants to be left alone; 0: it did not say.
	after time.Duration
}

func (e *refusal) Error() string { return e.said }

// answer is what a service has said.
type answer struct {
	code   int
	header http.Header
	body   []byte
}

// exchange sends JSON and returns what came back, whatever it is. auth is the header
// Authorization, or empty.
func exchange(ctx context.Context, client *http.Client, url, auth string, body any) (*answer, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if auth != "" {
		r.Header.Set("Authorization", auth)
	}
	res, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(res.Body, longestAnswer))
	if err != nil && res.StatusCode/100 == 2 { // it has been taken; what was to be said of that is not needed
		err = nil
	}
	return &answer{res.StatusCode, res.Header, said}, err
}

// post sends JSON and wants a success.
func post(ctx context.Context, client *http.Client, url string, body any) error {
	a, err := exchange(ctx, client, url, "", body)
	if err != nil {
		return err
	}
	return success(a)
}

// success is the verdict where the status says all.
func success(a *answer) error {
	if a.code/100 == 2 {
		return nil
	}
	return a.refused(string(a.body))
}

// refused is the error of an answer that is no success.
func (a *answer) refused(words string) *refusal {
	words = strings.Join(strings.Fields(words), " ")
	e := &refusal{said: strings.TrimSuffix(fmt.Sprintf("answered %d %s: %s", a.code, http.StatusText(a.code), words), ": "), after: a.retryAfter()}
	switch a.code {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		e.kind = lasting
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		e.kind = unfit
	}
	return e
}

// retryAfter reads the header of that name: seconds, with a fraction for some, or a time.
func (a *answer) retryAfter() time.Duration {
	text := a.header.Get("Retry-After")
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		return seconds(s)
	}
	until, err1 := http.ParseTime(text)
	now, err2 := http.ParseTime(a.header.Get("Date"))
	if err1 != nil || err2 != nil {
		return 0
	}
	return seconds(until.Sub(now).Seconds())
}

// seconds is so many of them, within bounds.
func seconds(s float64) time.Duration {
	if math.IsNaN(s) {
		return 0
	}
	return time.Duration(min(max(s, 0), longestAfter.Seconds()) * float64(time.Second))
}

// ofMail says what the refusal of a mail server means; any other error stays what it is.
func ofMail(err error) error {
	said, ok := errors.AsType[*textproto.Error](err)
	if !ok || said.Code < 500 {
		return err
	}
	if said.Code == 552 || said.Code == 554 { // too large, or it reads like what nobody wants
		return &refusal{said: err.Error(), kind: unfit}
	}
	return &refusal{said: err.Error(), kind: lasting}
}
