package watch_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/watch"
)

// signing makes jobs that pay a script and are signed with what tag says, twenty a block.
func signing(n *uint32, who []byte, tag func() string) func() *mining.Job {
	return func() *mining.Job {
		*n++
		return coin{height: 840_000 + *n/20, tag: tag(), pays: []pay{{who, 1}}}.job(byte(*n / 20))
	}
}

func same(tag string) func() string { return func() string { return tag } }

// merged is a pool's signature with what it commits itself to on other chains behind it:
// another hash each time.
func merged(random *rand.Rand, tag, behind string) func() string {
	return func() string {
		hash := make([]byte, 32)
		for i := range hash {
			hash[i] = byte(random.Uint32())
		}
		return tag + "\xfa\xbemm" + string(hash) + "\x10\x00\x00\x00\x00\x00\x00\x00" + behind
	}
}

// A pool that mines other chains besides signs with the same text all the time, and what
// is read out of its hashes is none of it.
func TestTagBesideMergedMining(t *testing.T) {
	random, n := rand.New(rand.NewPCG(1, 2)), uint32(0)
	r := newRig(t, nil, watch.PoolConfig{})
	r.jobs(21*time.Minute, signing(&n, alice, merged(random, "/pool/", "")))
	if rep := r.pool.Report(); rep.TagMode != watch.Fixed || !slices.Equal(rep.Tags, []string{"/pool/"}) {
		t.Fatalf("learnt %v: %q", rep.TagMode, rep.Tags)
	}
	r.jobs(12*time.Hour, signing(&n, alice, merged(random, "/pool/", "")))
	if len(r.log) > 0 {
		t.Errorf("signals of a pool that changes nothing: %v", r.log)
	}
	r.jobs(time.Minute, signing(&n, alice, merged(random, "", "/other/")))
	r.expect("another text behind it", watch.TagChanged)
	r.jobs(time.Minute, signing(&n, alice, same("/pool/ \xfa\xbemm cut short")))
	if tag := r.pool.Report().Tag; tag != "/pool/" {
		t.Errorf("of a commitment that ends early: %q", tag)
	}
}

// What an operator accepts is what the pool does now, and not what was odd before and is
// over.
func TestAcceptIsOfNow(t *testing.T) {
	n := uint32(0)
	r := newRig(t, nil, watch.PoolConfig{})
	r.jobs(21*time.Minute, signing(&n, alice, same("/pool/")))
	r.jobs(time.Minute, signing(&n, alice, same("/thief/")))
	r.jobs(time.Hour, signing(&n, alice, same("/pool/")))
	r.jobs(time.Minute, signing(&n, bob, same("/pool/")))
	r.expect("another wallet", watch.PayoutChanged)
	r.pool.Accept(r.now)
	if tags := r.pool.Report().Tags; !slices.Equal(tags, []string{"/pool/"}) {
		t.Errorf("tags %q, want the one that it has always had", tags)
	}
	r.jobs(time.Minute, signing(&n, bob, same("/thief/")))
	r.expect("the other text again", watch.TagChanged)
}
