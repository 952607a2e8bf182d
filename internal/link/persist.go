package link

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

// errAgain says that something was not healthy.
var errAgain = errors.New("again")

// Persist lives one life after another until ctx ends. Between two is a pause by
// exponential backoff with full jitter: each is drawn from nothing to twice its
// mean, the first one's mean being half of least and the longest one's half of
// most. After a life that was healthy it is the first one again.
func Persist(ctx context.Context, least, most time.Duration, live func() (healthy bool)) {
	policy := retrypolicy.NewBuilder[any]().WithMaxRetries(-1).WithBackoff(least/2, most/2).WithJitterFactor(1).Build()
	for ctx.Err() == nil {
		_ = failsafe.With(policy).WithContext(ctx).Run(func() error { // it ends when one was healthy, or with ctx
			if live() {
				return nil
			}
			return errAgain
		})
		pause := time.NewTimer(rand.N(least)) //nolint:gosec // it spaces, and hides nothing
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
}
