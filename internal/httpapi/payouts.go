package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/payout"
	"github.com/loka/stratum/internal/store"
)

// maxSatoshi is all the bitcoin that there will ever be.
const maxSatoshi = 21_000_000 * 100_000_000

// Distribute is the body of POST /api/v1/payouts.
type Distribute struct {
	Pool      string `json:"pool" minLength:"1" maxLength:"200" doc:"The pool that has paid" example:"main"`
	Reference string `json:"reference" minLength:"1" maxLength:"200" doc:"What names the payout at the pool, such as a transaction or a date; the same one is entered once" example:"2026-01-31"`
	From      string `json:"from" doc:"When the time begins that it is for: an RFC 3339 time at a whole hour (UTC), or a day such as 2026-01-31" example:"2026-01-31"`
	To        string `json:"to" doc:"When that ends, which is not included; written like from" example:"2026-02-01"`
	Amount    int64  `json:"amount_sat,omitempty" minimum:"0" maximum:"2100000000000000" doc:"What was paid, in satoshi; either this or computed" example:"1234567"`
	Computed  bool   `json:"computed,omitempty" doc:"Divide what the shares that the pool accepted in that time were expected to earn, without the part of a satoshi, in place of what was paid"`
	By        string `json:"by" enum:"worker,user" doc:"Among whom it is divided"`
	Note      string `json:"note,omitempty" maxLength:"500" doc:"For the audit record"`
}

// Payout is an earning, and who got what of it.
type Payout struct {
	ID            int64          `json:"id"`
	Pool          string         `json:"pool"`
	Reference     string         `json:"reference" doc:"What names it at the pool"`
	From          time.Time      `json:"from" doc:"When the time begins that it is for"`
	To            time.Time      `json:"to" doc:"When that ends, which is not included"`
	Amount        int64          `json:"amount_sat" doc:"In satoshi"`
	Computed      bool           `json:"computed" doc:"It is not what a pool paid, but what the shares that it accepted were expected to earn"`
	At            time.Time      `json:"at" doc:"When it was entered"`
	Distributions []Distribution `json:"distributions,omitempty" doc:"Who got what; not in the list of all"`
}

// Distribution is a payout divided by work.
type Distribution struct {
	By    string       `json:"by" enum:"worker,user"`
	At    time.Time    `json:"at" doc:"When it was divided"`
	Rule  string       `json:"rule" doc:"How it was rounded"`
	Parts []PayoutPart `json:"parts" nullable:"false" doc:"Sorted by name; their sum is the payout's amount, exactly"`
}

// PayoutPart is what one gets.
type PayoutPart struct {
	Name   string  `json:"name" doc:"A login or a user; empty: all logins without a user"`
	Work   float64 `json:"work" doc:"What it had done in that time, by the pool's word, in difficulty-1 shares"`
	Amount int64   `json:"amount_sat" doc:"In satoshi"`
}

// PayoutList is the body of GET /api/v1/payouts.
type PayoutList struct {
	Payouts []Payout `json:"payouts" nullable:"false" doc:"The latest first"`
	Total   int      `json:"total" doc:"Elements there are, whatever limit and offset"`
}

type payoutsInput struct {
	Paging

	Pool string `query:"pool" doc:"Of this pool only"`
}

type payoutInput struct {
	ID int64 `path:"id" minimum:"1" doc:"As in /api/v1/payouts"`
}

type distributeInput struct{ Body Distribute }

// payouts registers what pools paid and how it is divided.
func payouts(api huma.API, r *recorder) {
	huma.Register(api, get("/api/v1/payouts", "payouts", "What pools paid, as it was entered", http.StatusUnprocessableEntity, http.StatusServiceUnavailable),
		func(ctx context.Context, in *payoutsInput) (*body[PayoutList], error) {
			all, err := r.Warehouse.Earnings(ctx, store.Filter{Instance: r.Instance, Pool: in.Pool})
			if err != nil {
				return nil, r.unanswered(ctx, err)
			}
			page := cut(in.Paging, all)
			list := make([]Payout, 0, len(page))
			for i := range page {
				list = append(list, payoutOf(&page[i]))
			}
			return &body[PayoutList]{PayoutList{list, len(all)}}, nil
		})
	huma.Register(api, get("/api/v1/payouts/{id}", "payout", "One of them, and who got what", http.StatusNotFound, http.StatusServiceUnavailable),
		func(ctx context.Context, in *payoutInput) (*body[Payout], error) {
			p, err := r.payout(ctx, in.ID)
			return &body[Payout]{p}, err
		})
	op := write(http.MethodPost, "/api/v1/payouts", "distribute", "Enter what a pool paid and divide it by accepted work; the same again answers the same",
		http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable)
	op.DefaultStatus = http.StatusOK
	huma.Register(api, op, func(ctx context.Context, in *distributeInput) (*body[Payout], error) {
		p, err := r.distribute(ctx, &in.Body)
		if err == nil {
			remark(ctx, fmt.Sprintf("pool %s, reference %s: %d satoshi by %s among %d; %s",
				p.Pool, p.Reference, p.Amount, in.Body.By, len(p.Distributions[0].Parts), in.Body.Note))
		}
		return &body[Payout]{p}, err
	})
}

// payout is one that was entered.
func (r *recorder) payout(ctx context.Context, id int64) (Payout, error) {
	all, err := r.Warehouse.Earnings(ctx, store.Filter{Instance: r.Instance})
	if err != nil {
		return Payout{}, r.unanswered(ctx, err)
	}
	for i := range all {
		if all[i].ID != id {
			continue
		}
		p := payoutOf(&all[i])
		given, err := r.Warehouse.Distributions(ctx, id)
		if err != nil {
			return p, r.unanswered(ctx, err)
		}
		for i := range given {
			p.Distributions = append(p.Distributions, distributionOf(&given[i]))
		}
		return p, nil
	}
	return Payout{}, huma.Error404NotFound(fmt.Sprintf("there is no payout %d; /api/v1/payouts lists them", id))
}

// earningOf reads what is to be entered. Its amount is 0 where it is yet to be
// computed.
func (r *recorder) earningOf(in *Distribute) (store.Earning, error) {
	now := r.Now()
	e := store.Earning{Instance: r.Instance, Pool: in.Pool, Reference: in.Reference, Satoshi: in.Amount, Computed: in.Computed, At: now.UTC()}
	var bad []error
	mistake := func(field, text string) {
		bad = append(bad, &huma.ErrorDetail{Location: "body." + field, Message: text})
	}
	if (in.Amount > 0) == in.Computed {
		mistake("amount_sat", "give either an amount above 0 or computed = true")
	}
	for field, text := range map[string]string{"from": in.From, "to": in.To} {
		t, ok := moment(text, now)
		if _, relative := ago(text); !ok || relative {
			mistake(field, "want an RFC 3339 time at a whole hour such as 2026-01-31T12:00:00Z, or a day such as 2026-01-31")
		} else if !store.Hour.Floor(t).Equal(t) {
			mistake(field, "work is added up by whole hours (UTC): give a time at a whole hour such as "+store.Hour.Floor(t).Format(time.RFC3339))
		}
		if field == "from" {
			e.From = t
		} else {
			e.To = t
		}
	}
	switch {
	case len(bad) > 0:
	case e.From.Before(beginning()):
		mistake("from", "there is nothing before "+beginning().Format(time.DateOnly))
	case !e.From.Before(e.To):
		mistake("to", "it is not after from")
	case e.To.After(now):
		mistake("to", "that time is not over; it is "+now.UTC().Format(time.RFC3339))
	}
	if len(bad) > 0 {
		return e, huma.Error422UnprocessableEntity("", bad...)
	}
	return e, nil
}

func payoutOf(e *store.Earning) Payout {
	return Payout{
		ID: e.ID, Pool: e.Pool, Reference: e.Reference, From: e.From.UTC(), To: e.To.UTC(), Amount: e.Satoshi, Computed: e.Computed, At: e.At.UTC(),
	}
}

func distributionOf(d *store.Distribution) Distribution {
	parts := make([]PayoutPart, 0, len(d.Parts))
	for _, p := range d.Parts {
		parts = append(parts, PayoutPart{p.Name, finite(p.Work), p.Satoshi})
	}
	return Distribution{d.By, d.At.UTC(), payout.Rule, parts}
}
