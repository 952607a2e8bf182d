package cli

import (
	"strings"

	"github.com/alecthomas/kong"

	"github.com/loka/stratum/internal/sim"
)

// simCmd is `loka sim`.
type simCmd struct {
	Pool   simPoolCmd   `cmd:"" help:"Be a pool that checks every share, and misbehaves on request."`
	Miners simMinersCmd `cmd:"" help:"Be a swarm of miners that really hash, with the manners of real firmware."`
}

// simWords fills the lists of names into the help texts.
func simWords() kong.Vars {
	return kong.Vars{
		"dialects": words(sim.Dialects()),
		"manners":  words(sim.Manners()),
		"replies": words([]sim.ReplyMode{
			sim.ReplyRefused, sim.ReplyError, sim.ReplyString, sim.ReplySilent,
		}),
	}
}

func words[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, w := range list {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}
