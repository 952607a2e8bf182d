package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/guard/bans"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/view"
)

// Lifted is the answer of POST /api/v1/workers/{name}/resume.
type Lifted struct {
	Bans []Ban `json:"bans" nullable:"false" doc:"What was taken back"`
}

// Closed is the answer of POST /api/v1/workers/{name}/disconnect.
type Closed struct {
	Closed int `json:"closed" doc:"Connections that were closed"`
}

type minerBanInput struct {
	caller

	ID   uint64   `path:"id" minimum:"1" doc:"As in /api/v1/miners"`
	Body *BanTerm `required:"false"`
}

type workerBanInput struct {
	Name string   `path:"name" doc:"The login, percent-encoded, or a glob"`
	Body *BanTerm `required:"false"`
}

// term is what was asked for, nothing in particular if nothing was.
func term(body *BanTerm) *BanTerm {
	if body == nil {
		return &BanTerm{}
	}
	return body
}

// people registers what is done to single miners and workers.
func (b *banner) people(api huma.API) {
	answered := func(path, id, summary string, errs ...int) huma.Operation {
		op := write(http.MethodPost, path, id, summary, append(errs, http.StatusUnprocessableEntity)...)
		op.DefaultStatus = http.StatusOK
		return op
	}
	huma.Register(api, answered("/api/v1/miners/{id}/pause", "pauseMiner", "Send a miner away: its workers are refused at its address until they are resumed", http.StatusConflict), b.pauseMiner)
	huma.Register(api, answered("/api/v1/miners/{id}/ban", "banMiner", "Ban a miner's address", http.StatusConflict), b.banMiner)
	huma.Register(api, answered("/api/v1/workers/{name}/pause", "pauseWorker", "Send a worker away: its connections are closed and its logins refused until it is resumed"),
		func(ctx context.Context, in *workerBanInput) (*body[Banned], error) {
			return b.worker(ctx, bans.Pause, in)
		})
	huma.Register(api, answered("/api/v1/workers/{name}/ban", "banWorker", "Ban a worker, wherever it comes from"),
		func(ctx context.Context, in *workerBanInput) (*body[Banned], error) {
			return b.worker(ctx, bans.Ban, in)
		})
	huma.Register(api, answered("/api/v1/workers/{name}/resume", "resumeWorker", "Let a paused worker in again"), b.resume)
	if b.miners != nil {
		huma.Register(api, answered("/api/v1/workers/{name}/disconnect", "disconnectWorker", "Disconnect all miners of a worker; they may come back"), b.disconnect)
	}
}

// miner finds a miner, its address and all others.
func (b *banner) miner(id uint64) (m view.Miner, addr netip.Addr, all []view.Miner, err error) {
	all = b.model.Miners()
	for i := range all {
		if all[i].ID == id {
			return all[i], hostOf(all[i].Remote), all, nil
		}
	}
	return m, addr, nil, huma.Error404NotFound(fmt.Sprintf("no miner %d is connected; /api/v1/miners lists them", id))
}

func (b *banner) pauseMiner(ctx context.Context, in *minerBanInput) (*body[Banned], error) {
	m, addr, _, err := b.miner(in.ID)
	if err != nil {
		return nil, err
	}
	if len(m.Workers) == 0 {
		return nil, huma.Error409Conflict(fmt.Sprintf("miner %d has no worker yet that could be paused; DELETE disconnects it", in.ID))
	}
	who := make([]bans.Subject, 0, len(m.Workers))
	for _, login := range m.Workers {
		if strings.ContainsAny(login, "*?") {
			return nil, huma.Error409Conflict(fmt.Sprintf("worker %q cannot be told from a glob of others; DELETE disconnects the miner", login))
		}
		s, err := bans.ParseSubject(addr.String(), login)
		if err != nil {
			return nil, noSubject(err)
		}
		who = append(who, s)
	}
	return b.order(ctx, bans.Pause, term(in.Body), who...)
}

func (b *banner) banMiner(ctx context.Context, in *minerBanInput) (*body[Banned], error) {
	_, addr, all, err := b.miner(in.ID)
	if err != nil {
		return nil, err
	}
	term := term(in.Body)
	if !term.Force {
		others := 0
		for i := range all {
			if all[i].ID != in.ID && all[i].Accepted > 0 && hostOf(all[i].Remote) == addr {
				others++
			}
		}
		switch {
		case others > 0:
			return nil, huma.Error409Conflict(fmt.Sprintf("%d other miners of %s do well and would be kept out with it; pause or ban its worker, or say force if you mean it", others, addr))
		case addr == in.addr:
			return nil, huma.Error409Conflict(fmt.Sprintf("%s is where you ask from: your own miners would be kept out; say force if you mean it", addr))
		}
	}
	who, err := bans.ParseSubject(addr.String(), "")
	if err != nil {
		return nil, noSubject(err)
	}
	return b.order(ctx, bans.Ban, term, who)
}

func (b *banner) worker(ctx context.Context, kind bans.Kind, in *workerBanInput) (*body[Banned], error) {
	who, err := bans.ParseSubject("", in.Name)
	if err != nil {
		return nil, noSubject(err)
	}
	return b.order(ctx, kind, term(in.Body), who)
}

// resume takes back all pauses of a worker, wherever it is paused.
func (b *banner) resume(ctx context.Context, in *workerInput) (*body[Lifted], error) {
	now := b.Now()
	lifted, others := []Ban{}, ""
	for _, e := range b.Book.List(bans.Filter{Kind: bans.Pause, Login: in.Name}, now) {
		if e.Login != in.Name {
			others = ", but " + e.String() + " is, which it is one of"
			continue
		}
		for _, was := range b.Book.Lift(e.Subject, now, bans.Pause) {
			lifted = append(lifted, banOf(&was, now))
		}
	}
	if len(lifted) == 0 {
		return nil, huma.Error404NotFound(fmt.Sprintf("worker %q is not paused%s; /api/v1/bans?kind=pause lists who is", in.Name, others))
	}
	remark(ctx, "resumed worker "+in.Name)
	changed(ctx, lifted, nil)
	return &body[Lifted]{Lifted{lifted}}, nil
}

func (b *banner) disconnect(ctx context.Context, in *workerInput) (*body[Closed], error) {
	w, ok := b.model.Worker(in.Name)
	if !ok || len(w.Connections) == 0 {
		return nil, huma.Error404NotFound(fmt.Sprintf("no miner of worker %q is connected; /api/v1/workers lists them", in.Name))
	}
	was := []any{}
	for i := range w.Connections {
		id := mining.MinerID(w.Connections[i].ID)
		if of := b.miners.Describe(id); b.miners.Disconnect(id) {
			was = append(was, of)
		}
	}
	changed(ctx, was, nil)
	return &body[Closed]{Closed{len(was)}}, nil
}
