package web

import (
	"cmp"
	"slices"
	"strings"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/view"
)

// cause is one reason for which work was not paid.
type cause struct {
	view.Loss

	// Name is the reason in words, Word whose verdict it is.
	Name, Word string
	// Means and Do explain it.
	Means, Do string
	// Part is its part of all that was lost.
	Part float64
}

// causesOf are the reasons of a loss, the dearest first.
func causesOf(lost map[string]view.Loss) []cause {
	all := make([]cause, 0, len(lost))
	sum := 0.0
	for reason, l := range lost {
		if l.Shares == 0 && l.Work == 0 {
			continue
		}
		c := describe(reason)
		c.Loss = l
		sum += l.Value
		all = append(all, c)
	}
	for i := range all {
		if sum > 0 {
			all[i].Part = all[i].Value / sum
		}
	}
	slices.SortFunc(all, func(a, b cause) int {
		return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(b.Shares, a.Shares), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// describe explains a reason.
func describe(reason string) cause {
	if reason == view.NotSubmitted {
		return cause{
			Name: "not submitted", Word: "–",
			Means: "Work above the pool's difficulty, while that was still climbing on a new connection.",
			Do:    "Nothing, where pool connections are new; else see suggest_difficulty of the pool.",
		}
	}
	verdict, ofPool := strings.CutPrefix(reason, view.PoolReason)
	c := cause{Name: words(verdict), Word: "ours"}
	if ofPool {
		c.Word = "the pool’s"
	}
	for _, v := range mining.Verdicts() {
		if v.String() == verdict {
			d := mining.DescribeVerdict(v)
			c.Means, c.Do = d.Means, d.Do
		}
	}
	return c
}
