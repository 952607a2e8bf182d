package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/loka/stratum/internal/atomicfile"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/pace"
	"github.com/loka/stratum/internal/watch"
	"github.com/loka/stratum/work"
)

// foundVersion is the version of the file that findings are kept in.
const foundVersion = 1

// findings are what was found out about pools, kept in data_dir for the next
// run. They are worth no more than a few shares each: a file that cannot be
// read is written anew.
type findings struct {
	path string
	log  *slog.Logger

	mu    sync.Mutex
	pools map[string]finding // by name
	// failing spaces the warnings of a file that cannot be written.
	failing pace.Pace
}

// finding is one pool's in the file.
type finding struct {
	// URL is where the pool was then: what was found is of that one.
	URL         string    `json:"url"`
	OneWorkerAt time.Time `json:"one_worker_at,omitzero"`
	VersionBits string    `json:"version_bits"`
	// Extranonce2Size is in bytes; 0 is not known.
	Extranonce2Size int `json:"extranonce2_size,omitempty"`
	// Payouts and Tags are what it pays and how it signs; see [watch.Known]. Account
	// is our name there then, which is whom some pools pay.
	Payouts string `json:"payouts,omitempty"`
	Tags    string `json:"tags,omitempty"`
	Account string `json:"account,omitempty"`
}

// of is what of it holds for the account that a pool has now.
func (f finding) of(p *hub.PoolConfig) finding {
	if f.Account != p.Account {
		f.Account, f.Payouts, f.Tags = p.Account, "", ""
	}
	return f
}

type findingsFile struct {
	Version int                `json:"version"`
	Pools   map[string]finding `json:"pools"`
}

// loadFindings reads the file at path, if there is one.
func loadFindings(path string, log *slog.Logger) *findings {
	f := &findings{path: path, log: log, pools: make(map[string]finding)}
	file := findingsFile{Version: foundVersion}
	err := readKept(path, &file)
	if err == nil && file.Version != foundVersion {
		err = fmt.Errorf("version %d, this program knows %d", file.Version, foundVersion)
	}
	switch {
	case err != nil:
		log.Warn("what was found out about pools cannot be read; it is found out anew", "path", path, "error", err)
	case file.Pools != nil:
		f.pools = file.Pools
	}
	return f
}

// recall puts what an earlier run found into the pools that are where they
// were. The others are forgotten.
func (f *findings) recall(pools []hub.PoolConfig) {
	before := f.pools
	f.pools = make(map[string]finding)
	for i := range pools {
		p := &pools[i]
		at, ok := before[p.Name]
		if at = at.of(p); !ok || at.URL != p.Endpoint.String() {
			f.pools[p.Name] = finding{URL: p.Endpoint.String(), Account: p.Account}
			continue
		}
		f.pools[p.Name] = at
		p.Found.OneWorker, p.Found.Extranonce2Size = at.OneWorkerAt, at.Extranonce2Size
		p.Found.Watch = watch.Known{Payouts: at.Payouts, Tags: at.Tags}
		for r := work.ReadReplace; r <= work.ReadXor; r++ {
			if r.String() == at.VersionBits {
				p.Found.Reading = r
			}
		}
	}
}

// replaced hears which pools there are now: what was found out about another place
// of the same name is forgotten.
func (f *findings) replaced(pools []hub.PoolConfig) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.pools
	f.pools = make(map[string]finding)
	for i := range pools {
		url := pools[i].Endpoint.String()
		if at, ok := before[pools[i].Name]; ok && at.URL == url {
			f.pools[pools[i].Name] = at.of(&pools[i])
		} else {
			f.pools[pools[i].Name] = finding{URL: url, Account: pools[i].Account}
		}
	}
}

// keep writes what the hub has found about a pool.
func (f *findings) keep(pool string, found hub.Found) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	of := f.pools[pool]
	of.OneWorkerAt, of.VersionBits, of.Extranonce2Size = found.OneWorker.UTC(), found.Reading.String(), found.Extranonce2Size
	of.Payouts, of.Tags = found.Watch.Payouts, found.Watch.Tags
	f.pools[pool] = of
	data, err := json.Marshal(findingsFile{Version: foundVersion, Pools: f.pools})
	if err == nil {
		err = atomicfile.Write(f.path, data)
	}
	if err != nil && f.failing.Due(time.Now()) {
		f.log.Warn("what was found out about a pool cannot be kept for the next start", "pool", pool, "path", f.path, "error", err)
	}
	return err
}

// readKept reads what an earlier run has kept in a file as JSON. Where there is
// no file nothing is changed.
func readKept(path string, into any) error {
	data, err := os.ReadFile(path) //nolint:gosec // the operator's own directory
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return json.Unmarshal(data, into)
}
