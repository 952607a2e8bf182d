package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/payout"
	"github.com/loka/stratum/internal/store"
)

// farm is a proxy over a store with three workers, one of whom has done more.
func farm(t *testing.T) (http.Handler, *fakeStore, *Records) {
	t.Helper()
	deps, _ := newDeps()
	s := newStore()
	s.count(noon.Add(-90*time.Minute), "alice.rig1", store.Pools, mining.Accepted, 10)
	deps.Records = newRecords(s)
	return Handler(deps, true), s, deps.Records
}

// distributed asks for a distribution and returns the answer of 200.
func distributed(t *testing.T, h http.Handler, body string) Payout {
	t.Helper()
	w := ask{method: http.MethodPost, path: "/api/v1/payouts", body: body, token: secret}.do(t, h)
	var p Payout
	if err := json.Unmarshal(w.Body.Bytes(), &p); w.Code != http.StatusOK || err != nil {
		t.Fatalf("%s: %d %s", body, w.Code, w.Body)
	}
	return p
}

const paid = `{"pool":"main","reference":"tx1","from":"2026-01-31T10:00:00Z","to":"2026-01-31T12:00:00Z","amount_sat":1000,"by":"worker"}`

func TestDistribute(t *testing.T) {
	h, s, _ := farm(t)
	got := distributed(t, h, paid)
	now := noon.Add(40 * time.Minute)
	want := Payout{
		ID: 1, Pool: "main", Reference: "tx1", From: noon.Add(-2 * time.Hour), To: noon, Amount: 1000, At: now,
		Distributions: []Distribution{{By: "worker", At: now, Rule: payout.Rule, Parts: []PayoutPart{
			{"alice.rig1", 260, 352}, {"alice.rig2", 240, 324}, {"bob", 240, 324}, // 351.35, 324.32, 324.32
		}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	byUser := distributed(t, h, strings.Replace(paid, `"by":"worker"`, `"by":"user","note":"for January"`, 1))
	if p := byUser.Distributions[0]; byUser.ID != 1 || len(p.Parts) != 2 || p.Parts[0] != (PayoutPart{"", 240, 324}) || p.Parts[1] != (PayoutPart{"alice", 500, 676}) {
		t.Errorf("by user: %+v", byUser)
	}
	// The same again is what it was, whatever has come meanwhile.
	s.count(noon.Add(-90*time.Minute), "carol", store.Pools, mining.Accepted, 1000)
	if diff := cmp.Diff(want, distributed(t, h, paid)); diff != "" {
		t.Errorf("again: -want +got:\n%s", diff)
	}
	all := told[PayoutList](t, h, "/api/v1/payouts")
	if len(all.Payouts) != 1 || all.Total != 1 || all.Payouts[0].Distributions != nil || all.Payouts[0].Amount != 1000 {
		t.Errorf("the list: %+v", all)
	}
	if got := told[Payout](t, h, "/api/v1/payouts/1"); len(got.Distributions) != 2 || cmp.Diff(want.Distributions[0], got.Distributions[0]) != "" {
		t.Errorf("one: %+v", got)
	}
	wantProblem(t, "another", ask{path: "/api/v1/payouts/7"}.do(t, h), http.StatusNotFound)
	detail := s.acts[1].Detail
	if !strings.HasSuffix(detail, "; pool main, reference tx1: 1000 satoshi by user among 2; for January") || s.acts[1].What != "POST /api/v1/payouts" {
		t.Errorf("the record is %+v", s.acts[1])
	}
}

// What is computed is what the shares were expected to earn, without the part of a
// satoshi, and stays what it was.
func TestDistributeComputed(t *testing.T) {
	h, s, _ := farm(t)
	const computed = `{"pool":"main","reference":"jan","from":"2026-01-31T10:00:00Z","to":"2026-01-31T12:00:00Z","computed":true,"by":"worker"}`
	s.rollups[len(s.rollups)-1].Value = mining.Amount{Sat: 1, Pico: 9e11}
	got := distributed(t, h, computed)
	if parts := got.Distributions[0].Parts; got.Amount != 37 || !got.Computed || len(parts) != 3 || parts[0].Amount+parts[1].Amount+parts[2].Amount != 37 {
		t.Errorf("got %+v", got)
	}
	s.count(noon.Add(-90*time.Minute), "carol", store.Pools, mining.Accepted, 1000)
	if again := distributed(t, h, computed); cmp.Diff(got, again) != "" {
		t.Errorf("again: %+v", again)
	}
	// By another name of the same earning it is divided anew, and is as much.
	if by := distributed(t, h, strings.Replace(computed, `"worker"`, `"user"`, 1)); by.Amount != 37 || by.ID != got.ID {
		t.Errorf("by user: %+v", by)
	}
}

func TestDistributeRefuses(t *testing.T) {
	for what, c := range map[string]struct {
		old, new string // in the request
		status   int
		detail   string
	}{
		"no reference":     {`"tx1"`, `""`, 422, "body.reference: expected length >= 1"},
		"no amount":        {`"amount_sat":1000,`, ``, 422, "body.amount_sat: give either an amount above 0 or computed = true"},
		"nothing":          {`1000`, `0`, 422, "give either an amount above 0 or computed"},
		"both":             {`1000,`, `1000,"computed":true,`, 422, "give either an amount above 0 or computed"},
		"less than that":   {`1000`, `-1`, 422, "body.amount_sat: expected number >= 0"},
		"too much":         {`1000`, `2100000000000001`, 422, "body.amount_sat: expected number <= 2"},
		"a part":           {`1000`, `1.5`, 422, "body.amount_sat: expected integer"},
		"by pool":          {`"by":"worker"`, `"by":"pool"`, 422, "body.by: expected value to be one of"},
		"half hours":       {`10:00:00Z`, `10:30:00Z`, 422, "body.from: work is added up by whole hours (UTC): give a time at a whole hour such as 2026-01-31T10:00:00Z"},
		"half a zone":      {`10:00:00Z`, `10:00:00+05:30`, 422, "body.from: work is added up by whole hours"},
		"ago":              {`2026-01-31T10:00:00Z`, `24h`, 422, "body.from: want an RFC 3339 time at a whole hour"},
		"no time":          {`2026-01-31T12:00:00Z`, ``, 422, "body.to: want an RFC 3339 time at a whole hour"},
		"backwards":        {`2026-01-31T12:00:00Z`, `2026-01-31T10:00:00Z`, 422, "body.to: it is not after from"},
		"before all":       {`2026-01-31T10:00:00Z`, `0000-01-01T00:00:00+14:00`, 422, "body.from: there is nothing before 1970-01-01"},
		"not over":         {`2026-01-31T12:00:00Z`, `2026-01-31T13:00:00Z`, 422, "body.to: that time is not over; it is 2026-01-31T12:40:00Z"},
		"no work":          {`"main"`, `"other"`, 422, "body.pool: it accepted no work from 2026-01-31T10:00:00Z to 2026-01-31T12:00:00Z, so there is nothing to divide by"},
		"no value":         {`"amount_sat":1000`, `"computed":true`, 422, "body.computed: the shares that the pool accepted in that time were expected to earn less than a satoshi"},
		"what is not read": {`"by"`, `"bye":1,"by"`, 422, "body.bye: unexpected property"},
	} {
		h, s, _ := farm(t)
		for i := range s.rollups {
			s.rollups[i].Value = mining.Amount{}
		}
		if !strings.Contains(paid, c.old) {
			t.Fatalf("%s: %s", what, c.old)
		}
		w := ask{method: http.MethodPost, path: "/api/v1/payouts", body: strings.Replace(paid, c.old, c.new, 1), token: secret}.do(t, h)
		doc := wantProblem(t, what, w, c.status)
		if detail := fmt.Sprint(doc["detail"]); !strings.Contains(detail, c.detail) {
			t.Errorf("%s: %s", what, detail)
		}
		if len(s.earnings)+len(s.distributions)+len(s.acts) > 0 {
			t.Errorf("%s: something is kept", what)
		}
	}
}

// A reference that says another thing is told with what is kept.
func TestDistributeConflicts(t *testing.T) {
	h, s, _ := farm(t)
	distributed(t, h, paid)
	for old, other := range map[string]string{
		`1000`: `1001`, `10:00:00Z`: `11:00:00Z`, `12:00:00Z`: `11:00:00Z`, `"amount_sat":1000`: `"computed":true`,
	} {
		w := ask{method: http.MethodPost, path: "/api/v1/payouts", body: strings.Replace(paid, old, other, 1), token: secret}.do(t, h)
		doc := wantProblem(t, other, w, http.StatusConflict)
		const want = `pool "main" has a payout of reference "tx1" already, which says another thing: payout 1 of 1000 satoshi (computed: false) from 2026-01-31T10:00:00Z to 2026-01-31T12:00:00Z, entered 2026-01-31T12:40:00Z; give another reference`
		if doc["detail"] != want {
			t.Errorf("%s: %s", other, doc["detail"])
		}
	}
	if len(s.earnings) != 1 || len(s.distributions) != 1 || len(s.acts) != 1 {
		t.Errorf("%d earnings, %d distributions, %d acts", len(s.earnings), len(s.distributions), len(s.acts))
	}
}

// Many who enter the same at once have one answer.
func TestDistributeAtOnce(t *testing.T) {
	h, s, _ := farm(t)
	var all sync.WaitGroup
	answers := make([]string, 8)
	for i := range answers {
		all.Go(func() {
			w := ask{method: http.MethodPost, path: "/api/v1/payouts", body: paid, token: secret}.do(t, h)
			answers[i] = fmt.Sprint(w.Code, w.Body)
		})
	}
	all.Wait()
	for _, a := range answers {
		if a != answers[0] || !strings.HasPrefix(a, "200") {
			t.Errorf("got %s and %s", a, answers[0])
		}
	}
	if len(s.earnings) != 1 || len(s.distributions) != 1 {
		t.Errorf("%d earnings, %d distributions", len(s.earnings), len(s.distributions))
	}
}

// Nothing is divided before all work is there.
func TestDistributeWaits(t *testing.T) {
	h, s, r := farm(t)
	until, fault := noon.Add(-time.Minute), error(nil)
	r.Complete = func(context.Context) (time.Time, error) { return until, fault }
	post := ask{method: http.MethodPost, path: "/api/v1/payouts", body: paid, token: secret}
	doc := wantProblem(t, "too early", post.do(t, h), http.StatusServiceUnavailable)
	if detail := fmt.Sprint(doc["detail"]); !strings.Contains(detail, "until 2026-01-31T11:59:00Z only") {
		t.Error(detail)
	}
	fault = errors.New("no")
	wantProblem(t, "not known", post.do(t, h), http.StatusServiceUnavailable)
	until, fault = noon, nil
	if len(s.earnings) != 0 || post.do(t, h).Code != http.StatusOK {
		t.Error("it was entered before, or is not now")
	}
	s.fail = errors.New("no")
	wantProblem(t, "a store that fails", post.do(t, h), http.StatusServiceUnavailable)
}

// What was entered is in the record, whether it could be divided or not, and what was
// entered before is not said to be new.
func TestDistributeIsAudited(t *testing.T) {
	deps, _ := newDeps()
	s, file := newStore(), new(fakeFile)
	deps.Records, deps.Audit = newRecords(s), file
	h := Handler(deps, true)
	s.undivided = errors.New("no")
	wantProblem(t, "entered only", ask{method: http.MethodPost, path: "/api/v1/payouts", body: paid, token: secret}.do(t, h), http.StatusServiceUnavailable)
	s.undivided = nil
	for _, body := range []string{paid, strings.Replace(paid, `"worker"`, `"user"`, 1), paid} {
		distributed(t, h, body)
	}
	said := func(of any) string {
		p, ok := of.(Payout)
		if !ok {
			return "none"
		}
		words := []string{p.Reference}
		for i := range p.Distributions {
			words = append(words, p.Distributions[i].By)
		}
		return strings.Join(words, " ")
	}
	got := make([]string, 0, len(file.acts))
	for _, a := range file.acts {
		got = append(got, said(a.Before)+" -> "+said(a.After))
	}
	if diff := cmp.Diff([]string{"none -> tx1", "tx1 -> tx1 worker", "tx1 worker -> tx1 worker user", "tx1 worker user -> tx1 worker user"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(s.earnings) != 1 || len(s.distributions) != 2 {
		t.Errorf("%d earnings, %d distributions", len(s.earnings), len(s.distributions))
	}
}
