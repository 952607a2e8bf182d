package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// routeCmd is `loka route`.
type routeCmd struct {
	Split   routeSplitCmd   `cmd:"" help:"Divide a route's hashrate among its pools, or divide it anew."`
	Unsplit routeUnsplitCmd `cmd:"" help:"Put a route's pools in order, or divide its hashrate, as the file says again."`
}

// routeHelp is shown below the flags of all of them.
const routeHelp = `What is changed holds over a restart until it is taken back, or the file has other pools or another split for the route.`

// Help is shown below the command's flags.
func (*routeCmd) Help() string { return routeHelp }

// routeSplitCmd is `loka route split`.
type routeSplitCmd struct {
	apiFlags

	Route string `arg:"" help:"The route."`
	Parts string `arg:"" help:"Its parts, with weights or hashrates: main=70,a/b=30 or buyer=500TH/s,main=1."`
}

// Help is shown below the command's flags.
func (*routeSplitCmd) Help() string {
	return "A part is one pool, or several in failover order with slashes between them. " + routeHelp
}

// Run asks the running proxy for it.
func (c *routeSplitCmd) Run(env *environment) error {
	parts, err := splitParts(c.Parts)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"split": parts})
	if err != nil {
		return fmt.Errorf("internal: %w", err)
	}
	return c.order(env, order{
		http.MethodPut, "routes", c.Route, "split", body,
		fmt.Sprintf("route %s is split: %s", visible(c.Route), visible(c.Parts)),
	})
}

// routeUnsplitCmd is `loka route unsplit`.
type routeUnsplitCmd struct {
	apiFlags

	Route string `arg:"" help:"The route."`
}

// Run asks the running proxy for it.
func (c *routeUnsplitCmd) Run(env *environment) error {
	return c.order(env, order{
		http.MethodDelete, "routes", c.Route, "split", nil,
		fmt.Sprintf("route %s has its pools as the file says", visible(c.Route)),
	})
}

// splitPart is a part of a split as the API takes it.
type splitPart struct {
	Pools    []string `json:"pools"`
	Weight   float64  `json:"weight,omitempty"`
	Hashrate string   `json:"hashrate,omitempty"`
}

// splitParts reads parts such as "main=70,a/b=500TH/s". Whether pools and
// figures are right the proxy says.
func splitParts(text string) ([]splitPart, error) {
	var parts []splitPart
	for one := range strings.SplitSeq(text, ",") {
		pools, much, ok := strings.Cut(strings.TrimSpace(one), "=")
		if !ok || pools == "" || much == "" {
			return nil, usageError{fmt.Sprintf("%q is no part of a split; write POOL=WEIGHT, POOL/POOL=WEIGHT or POOL=HASHRATE, as in main=70,a/b=30 or buyer=500TH/s,main=1", one)}
		}
		part := splitPart{Pools: strings.Split(pools, "/"), Hashrate: much}
		if weight, err := strconv.ParseFloat(much, 64); err == nil {
			if !(weight > 0) || math.IsInf(weight, 0) {
				return nil, usageError{much + " is no weight; write a number above 0"}
			}
			part.Weight, part.Hashrate = weight, ""
		}
		parts = append(parts, part)
	}
	return parts, nil
}
