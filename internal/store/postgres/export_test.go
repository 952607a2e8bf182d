package postgres

import "context"

// Exec runs a statement.
func (s *Store) Exec(ctx context.Context, statement string) error {
	_, err := s.pool.Exec(ctx, statement)
	return err
}
