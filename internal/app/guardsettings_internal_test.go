package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/pipeline/ratelimit"
	"github.com/loka/stratum/internal/pipeline/threat"
)

// What is shown of the middlewares' defaults, such as that miners' manners are no
// offence and meet no limit, is so of the configuration's.
func TestGuardDefaults(t *testing.T) {
	cfg := config.Defaults()
	if diff := cmp.Diff(threat.DefaultConfig(), threatConfig(&cfg)); diff != "" {
		t.Error("threat (-its own +configured):", diff)
	}
	limits := limitsConfig(&cfg)
	for _, of := range []*ratelimit.Rate{&limits.Worker, &limits.Address, &limits.Subnet} {
		if of.PerSecond == 0 {
			of.Burst = 0 // of no limit: it says nothing
		}
	}
	if diff := cmp.Diff(ratelimit.DefaultConfig(), limits); diff != "" {
		t.Error("limits (-their own +configured):", diff)
	}
}
