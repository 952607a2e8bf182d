package downstream_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

func share(id int) string {
	return fmt.Sprintf(`{"id":%d,"method":"mining.submit","params":["u","00000001","%08x","504e86ed","b2957c02"]}`, id, id)
}

func TestVerdicts(t *testing.T) {
	want := map[mining.Verdict]string{
		mining.Accepted:      ok("4"),
		mining.Stale:         failed("4", "21", "Stale"),
		mining.Duplicate:     failed("4", "22", "Duplicate share"),
		mining.LowDifficulty: failed("4", "23", "Low difficulty share"),
		mining.JobNotFound:   failed("4", "21", "Job not found"),
		mining.Invalid:       failed("4", "20", "Invalid share"),
		mining.Unauthorized:  failed("4", "24", "Unauthorized worker"),
		mining.Unpaid:        ok("4"),
		mining.Unanswered:    failed("4", "20", "Pool did not answer"),
	}
	for _, verdict := range mining.Verdicts() {
		t.Run(verdict.String(), func(t *testing.T) {
			m := miningMiner(t)
			m.verdict = verdict
			m.read(share(4))
			m.expect(want[verdict])
			if len(m.refused) != 0 {
				t.Errorf("refused %v: the house knows its own verdicts", m.refused)
			}
		})
	}
}

// cpuminer gives every submit the same id; each gets its own verdict.
func TestRepliesInOrderWithEqualIDs(t *testing.T) {
	m := miningMiner(t)
	m.later = true
	m.read(share(4), share(4), share(4))
	m.verdict = mining.Stale
	m.answer(2)
	m.verdict = mining.Duplicate
	m.answer(1)
	m.expect()
	m.verdict = mining.Accepted
	m.answer(0)
	m.expect(ok("4"), failed("4", "22", "Duplicate share"), failed("4", "21", "Stale"))
}

// Requests that we answer ourselves wait for those before them too.
func TestLocalRepliesWaitTheirTurn(t *testing.T) {
	m := miningMiner(t)
	m.later = true
	m.read(
		share(1),
		`{"id":2,"method":"mining.ping","params":[]}`,
		`{"id":3,"method":"no.such"}`,
		`not json`,
		`{"id":null,"method":"mining.ping"}`,
		`{"id":5,"method":"mining.get_transactions"}`,
		share(6),
		`{"id":7,"method":"mining.submit","params":["v","00000001","00000000","504e86ed","b2957c02"]}`,
	)
	m.expect()
	if got := m.s.Info().Pending; got != 7 {
		t.Errorf("pending = %d", got)
	}
	m.answer(1)
	m.expect()
	m.answer(0)
	m.expect(
		ok("1"), `{"id":2,"result":"pong","error":null}`, failed("3", "20", "Unsupported method"),
		failed("null", "20", "Malformed JSON"), `{"id":5,"result":[],"error":null}`, ok("6"),
		failed("7", "24", "Unauthorized worker"),
	)
}

// Late, repeated and foreign answers are nothing.
func TestAnswersThatAreIgnored(t *testing.T) {
	m := miningMiner(t)
	m.later = true
	m.read(share(1), `{"id":2,"method":"mining.ping"}`, share(3))
	first, last := m.waiting[0].Ticket, m.waiting[1].Ticket
	answers := []mining.Answer{
		{Ticket: 0, Verdict: mining.Stale},
		{Ticket: first, Verdict: mining.Pending},
		{Ticket: first + 1, Verdict: mining.Stale}, // the ping: not the house's
		{Ticket: last + 1, Verdict: mining.Stale},
		{Ticket: 1 << 63, Verdict: mining.Stale},
		{Ticket: last, Verdict: mining.Accepted},
		{Ticket: last, Verdict: mining.Stale}, // the second time
	}
	for _, a := range answers {
		m.s.Answer(a, &m.out)
		m.collect()
	}
	m.expect()
	m.answer(0)
	m.expect(ok("1"), `{"id":2,"result":"pong","error":null}`, ok("3"))
	for _, a := range answers {
		m.s.Answer(a, &m.out)
	}
	m.collect()
	m.expect()
}

// A submit without an id is worked on and not answered.
func TestSubmitWithoutID(t *testing.T) {
	m := miningMiner(t)
	m.read(
		`{"id":null,"method":"mining.submit","params":["u","00000001","00000000","504e86ed","b2957c02"]}`,
		`{"method":"mining.submit","params":["u","00000001","00000001","504e86ed","b2957c02"]}`,
		`{"method":"mining.submit","params":["u","nope","00000001","504e86ed","b2957c02"]}`,
	)
	if len(m.asked) != 2 {
		t.Errorf("asked %v", m.asked)
	}
	m.expect()
}

func TestTooManyPending(t *testing.T) {
	m := miningMiner(t, func(c *downstream.Config) { c.MaxPending = 8 })
	m.later = true
	for i := range 8 {
		if err := m.try(share(i)); err != nil {
			t.Fatal(err)
		}
	}
	wantReason(t, m.try(share(8)), mining.TooManyPending)
}

// Many long ids are as many bytes as many requests are.
func TestTooManyPendingBytes(t *testing.T) {
	m := miningMiner(t)
	m.later = true
	id := `"` + string(slices.Repeat([]byte("x"), 15<<10)) + `"`
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		err = m.try(`{"id":` + id + `,"method":"mining.submit","params":["u","00000001","00000000","504e86ed","b2957c02"]}`)
	}
	wantReason(t, err, mining.TooManyPending)
	if n < 16 || n > 20 {
		t.Errorf("ended at the %dth", n)
	}
}

// A long queue is answered in order and its memory used again.
func TestManyPendingThenNone(t *testing.T) {
	m := miningMiner(t)
	m.later = true
	for range 8 {
		want := make([]string, 0, 1000)
		for i := range 1000 {
			m.read(share(i))
			want = append(want, ok(strconv.Itoa(i)))
		}
		for i := 999; i >= 0; i-- {
			m.answer(i)
		}
		m.expect(want...)
		m.waiting = nil
	}
}

// What the session refuses itself is told to the driver, to be booked.
func TestRefusedSharesAreTold(t *testing.T) {
	m := newMiner(t)
	m.read(share(1))
	m.read(`{"id":0,"method":"mining.subscribe"}`)
	m.read(share(2))
	m.read(`{"id":0,"method":"mining.authorize","params":["u"]}`)
	m.read(
		`{"id":3,"method":"mining.submit","params":["v","00000001","00000000","504e86ed","b2957c02"]}`,
		`{"id":4,"method":"mining.submit","params":["u","1f","00000000","504e86ed","b2957c02"]}`,
		`{"id":5,"method":"mining.submit","params":["u","00000001","00","504e86ed","b2957c02"]}`,
		`{"id":6,"method":"mining.submit","params":["u","00000001"]}`,
		share(7),
	)
	u := &mining.Worker{Login: "u"}
	want := []downstream.Refused{
		{Verdict: mining.Unauthorized},
		{Worker: u, Verdict: mining.JobNotFound},
		{Worker: u, Verdict: mining.Invalid},
	}
	if diff := cmp.Diff(want, m.refused[:3]); diff != "" {
		t.Error(diff)
	}
	if len(m.refused) != 4 || m.refused[3].Verdict != mining.Invalid {
		t.Errorf("refused %v", m.refused)
	}
}

// A share of nobody that was let in is refused at once, whatever the house
// says. The house is told of it if its hash could be worth something.
func TestStrangersSharesAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		job, en2 string
		told     bool
	}{
		"of work that was given": {"00000001", "00000000", true},
		"of no job id of ours":   {"1f", "00000000", false},
		"elsewhere":              {"00000001", "00", false},
	} {
		m := newMiner(t)
		m.read(`{"id":0,"method":"mining.subscribe"}`)
		m.take()
		want := mining.Share{Job: 1, Known: true, NTime: 0x504e86ed, Nonce: 0xb2957c02}
		want.Extranonce2, _ = work.MakeExtranonce(make([]byte, 4))
		for _, m.later = range []bool{false, true} {
			m.read(`{"id":3,"method":"mining.submit","params":["v","` + c.job + `","` + c.en2 + `","504e86ed","b2957c02"]}`)
			switch {
			case m.s.Info().Pending != 0:
				t.Errorf("%s: an answer is waited for", name)
			case !c.told:
				if len(m.asked) != 0 || len(m.refused) != 1 {
					t.Errorf("%s: told %v, refused %v", name, m.asked, m.refused)
				}
			case len(m.asked) != 1 || len(m.refused) != 0:
				t.Errorf("%s: told %v, refused %v", name, m.asked, m.refused)
			case m.asked[0].Kind != mining.Submit || m.asked[0].Worker != nil || m.asked[0].Share != want:
				t.Errorf("%s: told %+v", name, m.asked[0])
			}
			m.expect(failed("3", "24", "Unauthorized worker"))
		}
	}
}

// Version bits go to the house as they were sent, whatever was negotiated.
func TestVersionBits(t *testing.T) {
	m := miningMiner(t)
	const configure = `{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff"}]}`
	six := `{"id":2,"method":"mining.submit","params":["u","00000001","00000000","504e86ed","b2957c02","00002000"]}`
	for range 2 {
		m.read(six, share(3))
		shares := m.asked[len(m.asked)-2:]
		if s := shares[0].Share; !s.HasVersionBits || s.VersionBits != work.VersionMask(0x2000) {
			t.Errorf("six parameters: %+v", s)
		}
		if s := shares[1].Share; s.HasVersionBits || s.VersionBits != 0 {
			t.Errorf("five parameters: %+v", s)
		}
		m.read(configure)
	}
}

// The whole way of a share, from its line to its reply, allocates nothing.
func TestSubmitDoesNotAllocate(t *testing.T) {
	m := miningMiner(t)
	line := []byte(`{"id":4,"method":"mining.submit","params":["u","00000001","00000000","504e86ed","b2957c02","00002000"]}`)
	wrong := []byte(`{"id":5,"method":"mining.submit","params":["u","deadbeefff","00000000","504e86ed","b2957c02","00002000"]}`)
	var out downstream.Out
	round := func() {
		a, err := m.s.Line(line, m.now, &out)
		if err != nil {
			t.Fatal(err)
		}
		first := mining.Answer{Ticket: a.Ticket, Verdict: mining.Accepted}
		b, err := m.s.Line(line, m.now, &out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.s.Line(wrong, m.now, &out); err != nil {
			t.Fatal(err)
		}
		m.s.Answer(mining.Answer{Ticket: b.Ticket, Verdict: mining.Stale}, &out)
		m.s.Answer(first, &out)
		m.s.Flush(&out)
		if len(out.Frames()) != 3 || len(out.Refused()) != 1 {
			t.Fatal("not answered")
		}
		out.Reset()
	}
	round()
	if n := testing.AllocsPerRun(1000, round); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
