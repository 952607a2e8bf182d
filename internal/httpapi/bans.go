package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/guard/bans"
	"github.com/loka/stratum/internal/view"
)

// maxBanTerm is the longest term of a ban that is not for ever.
const maxBanTerm = 10 * 365 * 24 * time.Hour

// BanBook has the bans; a [bans.Book] is one.
type BanBook interface {
	Add(o bans.Order, now time.Time) (bans.Entry, error)
	Lift(s bans.Subject, now time.Time, kinds ...bans.Kind) []bans.Entry
	Find(id string) (bans.Entry, bool)
	List(f bans.Filter, now time.Time) []bans.Entry
	// Enforce ends the connections that a ban concerns and returns how many.
	Enforce(now time.Time) int
}

// Bans serve who is kept out. All of it is needed.
type Bans struct {
	Book BanBook
	Now  func() time.Time
}

// Ban is an element of GET /api/v1/bans.
type Ban struct {
	ID      string     `json:"id" doc:"Names it for DELETE; the same subject has the same again"`
	Kind    string     `json:"kind" enum:"ban,pause"`
	Cause   string     `json:"cause" enum:"operator,threat" doc:"threat: what was seen of it, without an operator"`
	Address string     `json:"address" doc:"An address, or a network in CIDR notation; empty: any"`
	Worker  string     `json:"worker" doc:"A login, or a glob; empty: any. With address it is that worker at that address"`
	By      string     `json:"by" doc:"Who made it; empty: nobody but loka"`
	Comment string     `json:"comment" doc:"What was said of it, or seen of them"`
	Since   time.Time  `json:"since"`
	Until   *time.Time `json:"until" doc:"null: for ever"`
	Times   int        `json:"times" doc:"The how many-eth it is of the subject"`
	InForce bool       `json:"in_force" doc:"false: it is over, and counts for the term of the next"`
}

// BanList is the body of GET /api/v1/bans.
type BanList struct {
	Bans  []Ban `json:"bans" nullable:"false" doc:"The latest first"`
	Total int   `json:"total" doc:"Elements there are, whatever limit and offset"`
}

// BanTerm is how long and why, the body of what bans or pauses a miner or a worker.
type BanTerm struct {
	For     string `json:"for,omitempty" doc:"How long, such as \"1h\" or \"30m\"; empty: until it is taken back" example:"1h"`
	Comment string `json:"comment,omitempty" maxLength:"500" doc:"Why, for whoever looks later"`
	Force   bool   `json:"force,omitempty" doc:"Do it though it concerns your own address, or others that do well"`
}

// BanOrder is the body of POST /api/v1/bans.
type BanOrder struct {
	BanTerm

	Address string `json:"address,omitempty" doc:"An address, or a network in CIDR notation" example:"192.0.2.7"`
	Worker  string `json:"worker,omitempty" doc:"A login, or a glob of * and ?; with address it is that worker at that address"`
	Kind    string `json:"kind,omitempty" enum:"ban,pause" default:"ban"`
}

// Banned is what became of an order.
type Banned struct {
	Bans   []Ban `json:"bans" nullable:"false"`
	Closed int   `json:"closed" doc:"Connections that were closed for it"`
}

type bansInput struct {
	Paging

	Kind    string `query:"kind" enum:"ban,pause" doc:"Of this kind only"`
	Cause   string `query:"cause" enum:"operator,threat" doc:"For this cause only"`
	Address string `query:"address" doc:"Those that concern this address only"`
	Worker  string `query:"worker" doc:"Those that concern this login only"`
	All     bool   `query:"all" doc:"Those that are over and count for the next term, too"`
}

type unbanInput struct {
	ID      string `query:"id" doc:"As in GET; either this or address, worker or both"`
	Address string `query:"address" doc:"As it was banned"`
	Worker  string `query:"worker" doc:"As it was banned"`
	Kind    string `query:"kind" enum:"ban,pause" doc:"Of this kind only"`
}

// caller is where a request comes from.
type caller struct{ addr netip.Addr }

// Resolve implements [huma.Resolver].
func (c *caller) Resolve(ctx huma.Context) []error {
	c.addr = hostOf(ctx.RemoteAddr())
	return nil
}

type banInput struct {
	caller

	Body BanOrder
}

// banner serves bans.
type banner struct {
	*Bans

	model  *view.Model
	miners Disconnecter
}

// banning registers who is kept out, and for how long.
func banning(api huma.API, deps Deps) {
	b := &banner{deps.Bans, deps.Model, deps.Miners}
	huma.Register(api, get("/api/v1/bans", "bans", "Who is banned or paused", http.StatusUnprocessableEntity), b.list)
	op := write(http.MethodPost, "/api/v1/bans", "ban", "Keep an address, a network or a worker out, and close its connections", http.StatusUnprocessableEntity, http.StatusConflict)
	op.DefaultStatus = http.StatusOK
	huma.Register(api, op, b.add)
	huma.Register(api, write(http.MethodDelete, "/api/v1/bans", "unban", "Let somebody in again", http.StatusUnprocessableEntity), b.lift)
	b.people(api)
}

func (b *banner) list(_ context.Context, in *bansInput) (*body[BanList], error) {
	now := b.Now()
	f := bans.Filter{Kind: bans.Kind(in.Kind), Cause: bans.Cause(in.Cause), Login: in.Worker, Remembered: in.All}
	if in.Address != "" {
		addr, err := netip.ParseAddr(in.Address)
		if err != nil {
			return nil, wrong("address", fmt.Sprintf("%q is no address; write it like 192.0.2.7", in.Address))
		}
		f.Addr = addr
	}
	all := b.Book.List(f, now)
	some := cut(in.Paging, all)
	list := make([]Ban, 0, len(some))
	for i := range some {
		list = append(list, banOf(&some[i], now))
	}
	return &body[BanList]{BanList{list, len(all)}}, nil
}

func banOf(e *bans.Entry, now time.Time) Ban {
	one := Ban{
		ID: e.ID(), Kind: string(e.Kind), Cause: string(e.Cause), Address: e.Address(), Worker: e.Login,
		By: e.By, Comment: e.Comment, Since: e.Since, Times: e.Times, InForce: e.InForce(now),
	}
	if !e.Until.IsZero() {
		one.Until = &e.Until
	}
	return one
}

func (b *banner) add(ctx context.Context, in *banInput) (*body[Banned], error) {
	who, err := bans.ParseSubject(in.Body.Address, in.Body.Worker)
	if err != nil {
		return nil, noSubject(err)
	}
	if who.Login == "" && !in.Body.Force && in.addr.IsValid() && who.Contains(in.addr) {
		return nil, huma.Error409Conflict(fmt.Sprintf("%s is where you ask from, %s: your own miners would be kept out; say force if you mean it", who, in.addr))
	}
	return b.order(ctx, bans.Kind(in.Body.Kind), &in.Body.BanTerm, who)
}

// order has all of these banned or paused.
func (b *banner) order(ctx context.Context, kind bans.Kind, term *BanTerm, who ...bans.Subject) (*body[Banned], error) {
	length, err := termOf(term.For)
	if err != nil {
		return nil, err
	}
	now := b.Now()
	before := b.had(now, kind, who)
	var out Banned
	for _, s := range who {
		var e bans.Entry
		if e, err = b.Book.Add(bans.Order{Subject: s, Kind: kind, For: length, By: identityOf(ctx).Name, Comment: term.Comment}, now); err != nil {
			err = noRoom(err)
			break
		}
		out.Bans = append(out.Bans, banOf(&e, now))
	}
	if len(out.Bans) > 0 { // what is in the book holds, whatever came of the rest
		out.Closed = b.Book.Enforce(now)
		remark(ctx, saidOf(kind, who, term))
		changed(ctx, before, out.Bans)
	}
	if err != nil {
		return nil, err
	}
	return &body[Banned]{out}, nil
}

// had are the bans of a kind that there are of some already, for the audit record; nil
// is none.
func (b *banner) had(now time.Time, kind bans.Kind, who []bans.Subject) any {
	var had []Ban
	for _, e := range b.Book.List(bans.Filter{Kind: kind}, now) {
		if slices.Contains(who, e.Subject) {
			had = append(had, banOf(&e, now))
		}
	}
	if had == nil {
		return nil
	}
	return had
}

// saidOf is an order in the audit record.
func saidOf(kind bans.Kind, who []bans.Subject, term *BanTerm) string {
	words := append(make([]string, 0, 1+len(who)), string(kind))
	for _, s := range who {
		words = append(words, s.String())
	}
	text := strings.Join(words, " ")
	if term.For != "" {
		text += " for " + term.For
	}
	if term.Comment != "" {
		text += fmt.Sprintf(": %q", term.Comment)
	}
	return text
}

func termOf(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > maxBanTerm {
		return 0, bodyWrong("for", fmt.Sprintf("%q is no term; write it like 30m, 1h or 24h, at most %s, or leave it out for no end", text, maxBanTerm))
	}
	return d, nil
}

// bodyWrong is the problem of a field of the body.
func bodyWrong(name, text string) error {
	return huma.Error422UnprocessableEntity("", &huma.ErrorDetail{Location: "body." + name, Message: text})
}

func noSubject(err error) error {
	if wrong, ok := errors.AsType[*bans.SubjectError](err); ok {
		return huma.Error422UnprocessableEntity(wrong.Text)
	}
	return err
}

func noRoom(err error) error {
	if errors.Is(err, bans.ErrFull) {
		return huma.Error409Conflict(err.Error() + "; lift what is not needed any more, or ban a network in place of its addresses")
	}
	return err
}

func (b *banner) lift(ctx context.Context, in *unbanInput) (*struct{}, error) {
	var who bans.Subject
	kinds := bans.Kinds()
	if in.Kind != "" {
		kinds = []bans.Kind{bans.Kind(in.Kind)}
	}
	if in.ID != "" {
		if in.Address != "" || in.Worker != "" || in.Kind != "" {
			return nil, wrong("id", "an id names one ban; leave the rest out")
		}
		e, ok := b.Book.Find(in.ID)
		if !ok {
			return nil, huma.Error404NotFound(fmt.Sprintf("there is no ban %q; /api/v1/bans?all=true lists them", in.ID))
		}
		who, kinds = e.Subject, []bans.Kind{e.Kind}
	} else {
		var err error
		if who, err = bans.ParseSubject(in.Address, in.Worker); err != nil {
			return nil, noSubject(err)
		}
	}
	now := b.Now()
	var was []Ban
	for _, e := range b.Book.List(bans.Filter{Remembered: true}, now) {
		if e.Subject == who && slices.Contains(kinds, e.Kind) {
			was = append(was, banOf(&e, now))
		}
	}
	b.Book.Lift(who, now, kinds...) // what is not known may be in a store that is away
	if len(was) == 0 {
		return nil, huma.Error404NotFound(fmt.Sprintf("%s is neither banned nor paused; /api/v1/bans lists who is", who))
	}
	remark(ctx, "lifted "+who.String())
	changed(ctx, was, nil)
	return nil, nil //nolint:nilnil // how huma says 204
}
