package cli

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/loka/stratum/internal/client"
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

	Route string   `arg:"" help:"The route."`
	Parts []string `arg:"" help:"Its parts, with weights or hashrates: main=70,a/b=30 or buyer=500TH/s,main=1."`
}

// Help is shown below the command's flags.
func (*routeSplitCmd) Help() string {
	return `A part is one pool, or several in failover order with slashes between them. One with more keys of the file's is an argument of its own, with semicolons: main=70 'vip;worker=vip.*' 'night=30;when=* 22-23,0-5 * * *;time_zone=Europe/Prague'. ` + routeHelp
}

// Run asks the running proxy for it.
func (c *routeSplitCmd) Run(env *environment) error {
	var parts []map[string]any
	for _, text := range c.Parts {
		more, err := splitParts(text)
		if err != nil {
			return err
		}
		parts = append(parts, more...)
	}
	done := fmt.Sprintf("route %s is split: %s", visible(c.Route), visible(strings.Join(c.Parts, " ")))
	return c.order(env, c.Route, done, func(ctx context.Context, api *client.Client) error {
		return api.Split(ctx, c.Route, map[string]any{"split": parts})
	})
}

// routeUnsplitCmd is `loka route unsplit`.
type routeUnsplitCmd struct {
	apiFlags

	Route string `arg:"" help:"The route."`
}

// Run asks the running proxy for it.
func (c *routeUnsplitCmd) Run(env *environment) error {
	done := fmt.Sprintf("route %s has its pools as the file says", visible(c.Route))
	return c.order(env, c.Route, done, func(ctx context.Context, api *client.Client) error { return api.Unsplit(ctx, c.Route) })
}

// splitParts reads parts such as "main=70,a/b=500TH/s", or one such as
// "vip;worker=vip.*". Whether pools, keys and values are right the proxy says.
func splitParts(text string) ([]map[string]any, error) {
	if first, keys, one := strings.Cut(text, ";"); one {
		part, err := splitPart(first, true)
		if err == nil {
			err = addKeys(part, keys)
		}
		return []map[string]any{part}, err
	}
	var parts []map[string]any
	for one := range strings.SplitSeq(text, ",") {
		part, err := splitPart(one, false)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// addKeys adds keys such as "worker=vip.*;weight=2" to a part.
func addKeys(part map[string]any, keys string) (err error) {
	for key := range strings.SplitSeq(keys, ";") {
		name, value, ok := strings.Cut(strings.TrimSpace(key), "=")
		if _, twice := part[name]; !ok || name == "" || twice {
			return usageError{fmt.Sprintf("%q says nothing of a part; write KEY=VALUE once for each key, as in 'vip;worker=vip.*'", key)}
		}
		part[name] = value
		if name == "weight" {
			if part[name], err = weightOf(value); err != nil {
				return err
			}
		}
	}
	return nil
}

// splitPart reads a part such as a/b=30, or one such as a/b where it may be bare.
func splitPart(text string, bare bool) (map[string]any, error) {
	pools, much, ok := strings.Cut(strings.TrimSpace(text), "=")
	if !ok && !bare || pools == "" || ok && much == "" || strings.Contains(text, ",") {
		return nil, usageError{fmt.Sprintf("%q is no part of a split; write POOL=WEIGHT, POOL/POOL=WEIGHT or POOL=HASHRATE, as in main=70,a/b=30 or buyer=500TH/s,main=1", text)}
	}
	part := map[string]any{"pools": strings.Split(pools, "/")}
	if _, err := strconv.ParseFloat(much, 64); err == nil {
		if part["weight"], err = weightOf(much); err != nil {
			return nil, err
		}
	} else if ok {
		part["hashrate"] = much
	}
	return part, nil
}

func weightOf(text string) (float64, error) {
	weight, err := strconv.ParseFloat(text, 64)
	if err != nil || !(weight > 0) || math.IsInf(weight, 0) {
		return 0, usageError{text + " is no weight; write a number above 0"}
	}
	return weight, nil
}
