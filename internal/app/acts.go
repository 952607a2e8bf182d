package app

import (
	"fmt"
	"os"
	"time"

	"github.com/loka/stratum/internal/audit"
	"github.com/loka/stratum/internal/view"
)

// checkActs is the health check of the record in the data directory.
func checkActs(of *audit.File) func(now time.Time) view.Check {
	return func(now time.Time) view.Check {
		since, err := of.Failure()
		if err == nil {
			return view.Check{Status: view.OK, Detail: "what administrators did is in " + audit.Name}
		}
		return view.Check{
			Status: view.Degraded,
			Detail: fmt.Sprintf("what administrators did since %s ago is in the log only: %v", max(now.Sub(since), 0).Round(time.Second), err),
			Advice: "look at the free space and the mode of data_dir; what is asked for is done all the same",
		}
	}
}

// actedHere keeps what the command line has done with a data directory, or with the
// database that its proxy uses. Where there is no such directory there is no record.
func actedHere(dir string, act audit.Act) error {
	if _, err := os.Stat(dir); err != nil {
		return nil //nolint:nilerr // see above
	}
	if err := audit.In(dir).Append(act); err != nil {
		return fmt.Errorf("it is done, and %s does not have it: %w", audit.Name, err)
	}
	return nil
}
