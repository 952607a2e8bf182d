package logins_test

import (
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/pipeline/logins"
)

// guessed counts what a standing is told.
type guessed int

func (g *guessed) Guessed(*mining.Miner, time.Time) { *g++ }

// A guess is a wrong secret that was not tried for the login before: a machine that is set
// up wrong, and tries the same by one connection after the other, guesses once.
func TestGuessesAreTold(t *testing.T) {
	told := new(guessed)
	file := []logins.Entry{{Login: "farm.1", Hash: hash(t, "one")}}
	mw, err := logins.New(logins.Config{HasFile: true, Entries: file, Allow: []string{"farm.*"}}, told, logins.Metrics{})
	if err != nil {
		t.Fatal(err)
	}
	chain := pipeline.Compile(pipeline.HandlerFunc(func(*mining.Miner, *mining.Request) mining.Answer {
		return mining.Answer{Verdict: mining.Accepted}
	}), mw)
	for _, c := range []struct {
		login, password string
		want            guessed
	}{
		{"farm.1", "one", 0},
		{"farm.1", "two", 1},
		{"farm.1", "two,d=1024", 0},
		{"farm.1", "", 1},
		{"farm.1", "one", 0},
		{"farm.2", "two", 1},
		{"farm.2", "two", 0},
		{"other", "two", 1},
	} {
		*told = 0
		for range 3 {
			m := &mining.Miner{}
			chain.Enter(m, time.Unix(0, 0))
			chain.Handle(m, &mining.Request{Kind: mining.Authorize, Worker: mining.NewWorker(c.login), Password: mining.Secret(c.password)})
		}
		if *told != c.want {
			t.Errorf("%s by %q: told of %d guesses, want %d", c.login, c.password, *told, c.want)
		}
	}
}
