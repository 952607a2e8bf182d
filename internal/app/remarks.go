package app

import (
	"fmt"
	"path/filepath"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/extranonce"
)

// Remarks says of a configuration what an earlier run has found out about its pools
// that keeps miners from being sent from one to another, a line for each route and
// pool. What was never found out nobody knows before a miner comes.
func Remarks(cfg *config.Config) (remarks []string) {
	file := findingsFile{Version: foundVersion}
	if err := readKept(filepath.Join(cfg.DataDir, foundName), &file); err != nil || file.Version != foundVersion {
		return nil // it is found out anew
	}
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		pools := r.EveryPool()
		if len(pools) < 2 {
			continue // there is nowhere to go
		}
		for _, name := range pools {
			p, _ := cfg.Pool(name)
			size := file.Pools[name].sizeAt(p.URL)
			if l, err := extranonce.Plan(size, r.Extranonce2Size); err != nil || !l.PassThrough {
				continue
			}
			why := ""
			if r.Extranonce2Size > 0 && size >= r.Extranonce2Size {
				why = fmt.Sprintf(" beside the extranonce2_size of %d that the route asks for", r.Extranonce2Size)
			}
			remarks = append(remarks, fmt.Sprintf(
				"route %s: pool %s has given an extranonce2 of %d bytes, which leaves no room for several miners on a connection%s; "+
					"while it is one of the route's pools each miner has a pool connection of its own and cannot be sent to another pool", r.Name, name, size, why))
		}
	}
	return remarks
}

// sizeAt is the extranonce2 size that was found at a pool's URL, in bytes; 0 is none.
func (f finding) sizeAt(url string) int {
	if at, err := dial.Parse(url); err != nil || at.String() != f.URL {
		return 0
	}
	return f.Extranonce2Size
}
