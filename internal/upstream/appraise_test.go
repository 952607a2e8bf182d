package upstream_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/work"
)

// realJob is a job of testdata in package work, whose README names the sources.
type realJob struct {
	Name        string
	Extranonce1 string
	Extranonce2 string
	Notify      []json.RawMessage
	Coinbase    string
}

// subscribed is the pool's subscribe reply, of no configure before it.
func (v *realJob) subscribed() string {
	return `{"id":1,"result":[[],"` + v.Extranonce1 + `",` + string(rune('0'+len(v.Extranonce2)/2)) + `],"error":null}`
}

func (v *realJob) notify() string {
	fields := make([]string, len(v.Notify))
	for i, field := range v.Notify {
		fields[i] = string(field)
	}
	return notifyWith(fields...)
}

func realJobs(t *testing.T) []realJob {
	t.Helper()
	raw, err := os.ReadFile("../../work/testdata/sv1_shares.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []realJob
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 4 {
		t.Fatalf("%d jobs, want 4", len(all))
	}
	return all
}

// worth is what a job says of its block.
type worth struct {
	reward int64
	height uint32
	nbits  work.NBits
}

func (w worth) want(t *testing.T, name string, j *mining.Job) {
	t.Helper()
	if j == nil {
		t.Fatalf("%s: no job", name)
	}
	if j.Reward != w.reward || j.Height != w.height || j.Network != w.nbits.Difficulty() || j.Network == 0 {
		t.Errorf("%s: %d satoshi at height %d of difficulty %v; want %+v", name, j.Reward, j.Height, j.Network, w)
	}
}

// TestJobsSayWhatTheirBlockPays: before the extranonce is known, too, and for a
// job with another extranonce than the one before.
func TestJobsSayWhatTheirBlockPays(t *testing.T) {
	t.Parallel()
	for i, want := range []worth{
		{315_012_581, 901_936, 0x17023a04},
		{2_465_717, 2_442_185, 0x192495f8},
		{5_000_000_000, 157, 0x1e0377ae},
		{5_000_000_000, 25_096, 0x1c2ac4af},
	} {
		v := realJobs(t)[i]
		p := newPool(t, upstream.Config{}).start().say(v.subscribed(), v.notify())
		p.wantReason("")
		want.want(t, v.Name, p.s.LastJob())
		p = newPool(t, upstream.Config{}).start().say(v.notify(), v.subscribed())
		want.want(t, v.Name+" before the subscribe reply", p.s.LastJob())
		// The same size in another division is as good; any other is not.
		half := len(v.Extranonce2) / 2
		p.say(`{"method":"mining.set_extranonce","params":["`+v.Extranonce1+`00",`+string(rune('0'+half-1))+`]}`, v.notify())
		want.want(t, v.Name+" in another division", p.s.LastJob())
	}
}

// TestStrangeCoinbasesAreNoReasonAgainstAJob: what cannot be read says nothing.
func TestStrangeCoinbasesAreNoReasonAgainstAJob(t *testing.T) {
	t.Parallel()
	v := realJobs(t)[0]
	text := func(i int) string { return strings.Trim(string(v.Notify[i]), `"`) }
	suffix := text(3)
	for name, change := range map[string][2]string{
		"cut":                {text(2), suffix[:len(suffix)-2]},
		"negative":           {text(2), strings.Replace(suffix, "e5b5c61200000000", "e5b5c612000000ff", 1)},
		"absurd":             {text(2), strings.Replace(suffix, "e5b5c61200000000", "e5b5c61200010000", 1)},
		"no transaction":     {"01", "ff"},
		"another extranonce": {text(2) + "00", suffix},
	} {
		fields := make([]string, len(v.Notify))
		for i, field := range v.Notify {
			fields[i] = string(field)
		}
		fields[2], fields[3] = `"`+change[0]+`"`, `"`+change[1]+`"`
		p := newPool(t, upstream.Config{}).start().say(v.subscribed(), notifyWith(fields...))
		p.wantEvents("subscribed 4128064f/04", "job 875b4b7")
		worth{nbits: 0x17023a04}.want(t, name, p.s.LastJob())
		if got := hex.EncodeToString(p.s.LastJob().CoinbasePrefix); got != change[0] {
			t.Errorf("%s: the coinbase became %s", name, got)
		}
	}
}
