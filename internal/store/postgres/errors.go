package postgres

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// errAmount is a number that is none.
var errAmount = errors.New("it is no finite number")

// undefinedTable is PostgreSQL's code for a table that is not there.
const undefinedTable = "42P01"

// gone says that an error is about a table that is not there.
func gone(err error) bool {
	var of *pgconn.PgError
	return errors.As(err, &of) && of.Code == undefinedTable
}

// judge draws conclusions from an error and returns it. After one of a connection
// the others are not used any more either, so that the next call has a new one.
func (s *Store) judge(err error) error {
	var of *pgconn.PgError
	switch {
	case err == nil:
	case !errors.As(err, &of):
		if lost(err) {
			s.pool.Reset()
		}
	case of.Code == undefinedTable || strings.HasPrefix(of.Code, "3F"):
		s.forget()
	case strings.HasPrefix(of.Code, "57P") || strings.HasPrefix(of.Code, "08"):
		s.pool.Reset()
	}
	return err
}
