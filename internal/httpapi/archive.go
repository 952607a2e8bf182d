package httpapi

import (
	"context"
	"io"

	"github.com/loka/stratum/internal/store"
)

// WriteShares writes single shares as an export of them in CSV is.
func WriteShares(ctx context.Context, of store.History, f store.Filter, to io.Writer) error {
	return export(sinks{to, "csv"}, func(add func(shareRow) error) error {
		return of.Shares(ctx, f, func(s *store.Share) error { return add(shareRowOf(s)) })
	})
}
