package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/view"
)

// Acceptor takes what a pool pays as right.
type Acceptor interface {
	// AcceptPayout has a pool pay from now on what it does in its latest job; ok is
	// false where there is no such pool. The error is [ErrNoPayout], or of keeping it.
	AcceptPayout(pool string) (ok bool, err error)
}

// ErrNoPayout is for a pool that has given no job whose payout could be remembered.
var ErrNoPayout = errors.New("there is no payout to accept")

// Acceptance is the body of POST /api/v1/pools/{name}/payout.
type Acceptance struct {
	Accept bool `json:"accept" doc:"true: what the pool pays now, and how it signs, is right from now on"`
}

// Expected is what a pool may pay and how it may sign, the answer to that.
type Expected struct {
	Payouts [][]string `json:"expected" nullable:"false" doc:"As payout.expected of the pool; the last is the one that was accepted"`
	Tags    []string   `json:"tags" nullable:"false" doc:"As payout.tags of the pool"`
}

type acceptInput struct {
	Name string `path:"name" doc:"As in /api/v1/pools"`
	Body Acceptance
}

// accepts registers what takes a payout as right.
func accepts(api huma.API, m *view.Model, a Acceptor) {
	op := write(http.MethodPost, "/api/v1/pools/{name}/payout", "accept_payout", "Take what a pool pays now, and how it signs, as right",
		http.StatusConflict, http.StatusUnprocessableEntity, http.StatusInternalServerError)
	op.DefaultStatus = http.StatusOK
	huma.Register(api, op, func(ctx context.Context, in *acceptInput) (*body[Expected], error) {
		if !in.Body.Accept {
			return nil, huma.Error422UnprocessableEntity(`write {"accept": true}; what was accepted can be taken back by payout in the file only`)
		}
		before := expectedOf(m, in.Name)
		ok, err := a.AcceptPayout(in.Name)
		switch {
		case !ok:
			return nil, noPool(m, in.Name)
		case errors.Is(err, ErrNoPayout):
			return nil, huma.Error409Conflict(fmt.Sprintf(
				"pool %q has given no job yet whose payout could be remembered: its coinbase pays nobody or more than eight, or cannot be read", in.Name))
		}
		after := expectedOf(m, in.Name)
		changed(ctx, before, after)
		return &body[Expected]{after}, kept(err)
	})
}

// expectedOf is what a pool may pay; there need be none.
func expectedOf(m *view.Model, name string) Expected {
	states := m.PoolStates()
	for i := range states {
		if s := &states[i]; s.Name == name && !s.Leaving {
			return Expected{append([][]string{}, s.Watched.Payouts...), append([]string{}, s.Watched.Tags...)}
		}
	}
	return Expected{[][]string{}, []string{}}
}
