package relational

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/loka/stratum/internal/store"
)

// prefix reads a prefix that is kept as text; an empty one is the zero prefix.
type prefix struct{ to *netip.Prefix }

// Scan implements [database/sql.Scanner].
func (p prefix) Scan(from any) error {
	text, ok := from.(string)
	if !ok {
		return fmt.Errorf("a prefix is kept as %T: %w", from, errKind)
	}
	*p.to = netip.Prefix{}
	if text == "" {
		return nil
	}
	of, err := netip.ParsePrefix(text)
	if err != nil {
		return fmt.Errorf("a prefix is kept as %q: %w", text, errKind)
	}
	*p.to = of
	return nil
}

// prefixText is a prefix as it is kept.
func prefixText(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.String()
}

// Bans implements [store.Bans].
func (s *Store[T]) Bans(ctx context.Context, instance string) ([]store.Ban, error) {
	w := &where{}
	w.named("instance", "instances", instance)
	var all []store.Ban
	err := s.engine.Query(ctx, `SELECT kind, prefix, login, cause, "by", comment, since, until, times FROM bans`+w.text(), w.args, func(scan Scan) error {
		var b store.Ban
		if err := scan(&b.Kind, prefix{&b.Prefix}, &b.Login, &b.Cause, &b.By, &b.Comment, instant{&b.Since}, instant{&b.Until}, &b.Times); err != nil {
			return err
		}
		all = append(all, b)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading bans: %w", err)
	}
	return all, nil
}

// KeepBans implements [store.Bans].
func (s *Store[T]) KeepBans(ctx context.Context, instance string, put []store.Ban, forget []store.BanKey) error {
	err := s.engine.Write(ctx, func(tx T) error {
		id, err := instanceID(ctx, tx, instance)
		if err != nil {
			return err
		}
		for _, k := range forget {
			if err := tx.Exec(ctx, "DELETE FROM bans WHERE instance = ? AND kind = ? AND prefix = ? AND login = ?",
				id, Text(k.Kind), prefixText(k.Prefix), Text(k.Login)); err != nil {
				return err
			}
		}
		for i := range put {
			if err := s.keepBan(ctx, tx, id, &put[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keeping %d bans and forgetting %d: %w", len(put), len(forget), err)
	}
	return nil
}

func (s *Store[T]) keepBan(ctx context.Context, tx T, instance int64, b *store.Ban) error {
	var until any
	if !b.Until.IsZero() {
		until = s.d.Time(b.Until)
	}
	return tx.Exec(ctx, `INSERT INTO bans (instance, kind, prefix, login, cause, "by", comment, since, until, times)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (instance, kind, prefix, login) DO UPDATE SET cause = excluded.cause, "by" = excluded."by", comment = excluded.comment,
since = excluded.since, until = excluded.until, times = excluded.times`,
		instance, Text(b.Kind), prefixText(b.Prefix), Text(b.Login), Text(b.Cause), Text(b.By), Text(b.Comment), s.d.Time(b.Since), until, int64(b.Times))
}
