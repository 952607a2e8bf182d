package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/auth"
)

// TokenKeeper makes and removes tokens. [auth.Book] is one.
type TokenKeeper interface {
	Add(want auth.Wanted, now time.Time) (text string, info auth.Info, err error)
	Remove(name string) (auth.Info, error)
	List() []auth.Info
	// Save keeps when tokens were used last.
	Save() error
}

// Token is what may be told of a token.
type Token struct {
	Name     string     `json:"name"`
	Role     string     `json:"role" enum:"viewer,operator,admin" doc:"What it lets do; each role may do what those before it may"`
	Created  time.Time  `json:"created"`
	Expires  *time.Time `json:"expires" doc:"When it lets nobody in any more; null: never"`
	LastUsed *time.Time `json:"last_used" doc:"When it was used last, to the second; null: never. After a crash it may be a minute too early"`
}

// TokenList is the body of GET /api/v1/tokens.
type TokenList struct {
	Tokens []Token `json:"tokens" nullable:"false" doc:"In the order they were made; the admin token of data_dir is not among them"`
}

// NewToken is the body of POST /api/v1/tokens.
type NewToken struct {
	Role    string `json:"role" enum:"viewer,operator,admin" doc:"What it is to let do"`
	Name    string `json:"name,omitempty" maxLength:"64" doc:"What it goes by in the audit record: letters, digits, dots, hyphens and underscores; empty: one is found"`
	Expires string `json:"expires,omitempty" doc:"When it ends: after a time such as 30d or 12h, or at an RFC 3339 time or a day; empty: never" example:"30d"`
}

// MadeToken is the answer to that.
type MadeToken struct {
	Token

	Secret string `json:"token" doc:"The token itself: it is told this once and not kept"`
}

type newTokenInput struct{ Body NewToken }

type tokenInput struct {
	Name string `path:"name" doc:"As in /api/v1/tokens"`
}

// tokens registers what makes and removes tokens.
func tokens(api huma.API, k TokenKeeper, now func() time.Time) {
	huma.Register(api, get("/api/v1/tokens", "tokens", "The tokens that were made"), func(context.Context, *struct{}) (*body[TokenList], error) {
		all := k.List()
		list := make([]Token, 0, len(all))
		for _, one := range all {
			list = append(list, tokenOf(one))
		}
		return &body[TokenList]{TokenList{list}}, nil
	})
	op := write(http.MethodPost, "/api/v1/tokens", "token_add", "Make a token; it is told once", http.StatusConflict, http.StatusUnprocessableEntity, http.StatusInternalServerError)
	op.DefaultStatus = http.StatusCreated
	huma.Register(api, op, func(ctx context.Context, in *newTokenInput) (*body[MadeToken], error) {
		want := auth.Wanted{Name: in.Body.Name}
		want.Role, _ = auth.ParseRole(in.Body.Role) // it is one of them
		var ok bool
		if want.Expires, ok = expiry(in.Body.Expires, now()); !ok {
			return nil, wrongBody("expires", "want a time that is yet to come: 30d or 12h from now, an RFC 3339 time or a day such as 2026-01-31")
		}
		text, info, err := k.Add(want, now())
		if err != nil {
			return nil, notMade(err)
		}
		changed(ctx, nil, tokenOf(info))
		return &body[MadeToken]{MadeToken{tokenOf(info), text}}, nil
	})
	remove := write(http.MethodDelete, "/api/v1/tokens/{name}", "token_remove", "Make a token worthless, at once", http.StatusInternalServerError)
	huma.Register(api, remove, func(ctx context.Context, in *tokenInput) (*struct{}, error) {
		was, err := k.Remove(in.Name)
		if errors.Is(err, auth.ErrMissing) {
			return nil, noToken(k, in.Name)
		}
		changed(ctx, tokenOf(was), nil)
		if err != nil {
			return nil, huma.Error500InternalServerError(err.Error() + "; make room or give loka the right to write there, then make and remove any token before that")
		}
		return nil, nil //nolint:nilnil // how huma says 204
	})
}

func tokenOf(i auth.Info) Token {
	return Token{i.Name, i.Role.String(), i.Created.UTC(), orNull(i.Expires), orNull(i.LastUsed)}
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// expiry reads when a token is to end; the zero time is never.
func expiry(text string, now time.Time) (at time.Time, ok bool) {
	if text == "" {
		return time.Time{}, true
	}
	if in, ok := ago(text); ok {
		at = now.Add(in)
	} else if at, ok = moment(text, now); !ok {
		return at, false
	}
	return at, at.After(now)
}

// notMade is the problem of a token that is not made.
func notMade(err error) error {
	switch {
	case errors.Is(err, auth.ErrName):
		return wrongBody("name", err.Error())
	case errors.Is(err, auth.ErrTaken), errors.Is(err, auth.ErrFull):
		return huma.Error409Conflict(err.Error())
	}
	return huma.Error500InternalServerError("no token is made: " + err.Error())
}

func noToken(k TokenKeeper, name string) error {
	all := k.List()
	names := make([]string, 0, len(all))
	for _, one := range all {
		names = append(names, one.Name)
	}
	text := fmt.Sprintf("there is no token %q; there are: %s", name, strings.Join(names, ", "))
	if name == auth.AdminName {
		text += "; the admin token is replaced by removing the file api.token and starting again"
	}
	return huma.Error404NotFound(text)
}
