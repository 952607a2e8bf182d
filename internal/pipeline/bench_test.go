package pipeline_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/pipeline/validate"
	"github.com/loka/stratum/internal/testkit/turns"
)

// through hands on.
type through struct{ name string }

func (t *through) Name() string { return t.name }

func (*through) Wrap(next pipeline.Handler, _ pipeline.Slot) pipeline.Handler {
	return pipeline.HandlerFunc(func(m *mining.Miner, req *mining.Request) mining.Answer { return next.Handle(m, req) })
}

// BenchmarkPipeline is a share's way through so many middlewares that only hand it on,
// through the one that looks at what a share says, and through all of the product's.
// x_bare is that as a multiple of a call of the last handler.
func BenchmarkPipeline(b *testing.B) {
	last := pipeline.HandlerFunc(grant)
	m, req := &mining.Miner{ID: 1}, goodShare()
	run := func(name string, c *pipeline.Chain) {
		c.Enter(m, req.At)
		b.Run(name, func(b *testing.B) {
			turns.Compare(b, func() {
				req.At = req.At.Add(10 * time.Millisecond) // else it would be held back
				c.Handle(m, req)
			}, turns.Of("x_bare", func() {
				req.At = req.At.Add(10 * time.Millisecond)
				last.Handle(m, req)
			}))
		})
	}
	for _, n := range []int{0, 1, 2, 4, 8} {
		all := make([]pipeline.Middleware, 0, n)
		for i := range n {
			all = append(all, &through{fmt.Sprintf("m%d", i)})
		}
		run(fmt.Sprintf("middlewares=%d", n), pipeline.Compile(last, all...))
	}
	run("validate", pipeline.Compile(last, validate.New(validate.Config{}, validate.Metrics{})))
	run("product", guarded(last))
}
