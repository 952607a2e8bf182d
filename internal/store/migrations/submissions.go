package migrations

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
)

// submissions is the step of SQLite by which there are tables of single shares.
// They are listed in a table, for there is one a day; what drops them is no fixed
// text.
func submissions() *goose.Migration {
	return goose.NewGoMigration(2, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "CREATE TABLE submission_days (day TEXT PRIMARY KEY, shares INTEGER NOT NULL) STRICT, WITHOUT ROWID")
		return err
	}}, &goose.GoFunc{RunTx: dropSubmissions})
}

// dropSubmissions drops the tables of all days.
func dropSubmissions(ctx context.Context, tx *sql.Tx) error {
	days, err := submissionDays(ctx, tx)
	if err != nil {
		return err
	}
	for _, day := range days {
		if _, err := tx.ExecContext(ctx, "DROP TABLE IF EXISTS submissions_"+day); err != nil {
			return fmt.Errorf("day %s: %w", day, err)
		}
	}
	_, err = tx.ExecContext(ctx, "DROP TABLE submission_days")
	return err
}

// submissionDays lists the days that have a table.
func submissionDays(ctx context.Context, tx *sql.Tx) (days []string, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT day FROM submission_days WHERE day GLOB '[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]'")
	if err != nil {
		return nil, err
	}
	defer func() {
		if closed := rows.Close(); err == nil {
			err = closed
		}
	}()
	for rows.Next() {
		var day string
		if err := rows.Scan(&day); err != nil {
			return nil, err
		}
		days = append(days, day)
	}
	return days, rows.Err()
}
