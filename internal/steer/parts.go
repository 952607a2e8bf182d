package steer

// Part is one part of a split.
type Part struct {
	// Weight is the part's share of what no part asks for in hashrate, against
	// the other weights; Hashrate is what the part asks for, in H/s. One of them
	// is 0, or both are of a part that is for its own miners only.
	Weight, Hashrate float64
	// Usable says that it can be worked for now.
	Usable bool
	// Heir is the part that has its share, and its own miners, while it is not
	// usable and that one is, if HasHeir. Else they go to all others.
	Heir    int
	HasHeir bool
}

// asks says that the part is to have some of what is divided.
func (p Part) asks() bool { return p.Weight > 0 || p.Hashrate > 0 }

// Stands is the part that stands for one now: itself where it is usable, else its
// heir where that is; ok is false where neither is.
func Stands(parts []Part, i int) (in int, ok bool) {
	switch p := parts[i]; {
	case p.Usable:
		return i, true
	case p.HasHeir && parts[p.Heir].Usable:
		return p.Heir, true
	}
	return 0, false
}

// Targets is what each part should have of a hashrate in H/s, in parts of 1:
// first what is asked for in hashrate, then by weight. What nobody asks for,
// and what is asked for by parts that are not usable and have no usable heir, goes
// to the others. Where those ask for nothing, each has the same; all are 0 where none is usable.
func Targets(parts []Part, total float64) []float64 {
	targets := make([]float64, len(parts))
	usable, asked, weights := 0, 0.0, 0.0
	for i, p := range parts {
		if p.Usable {
			usable++
		}
		if _, ok := Stands(parts, i); ok {
			asked += p.Hashrate
			weights += p.Weight
		}
	}
	fixed := 0.0
	if asked > 0 && total > 0 {
		fixed = min(asked/total, 1)
	}
	if weights == 0 && asked > 0 {
		fixed = 1 // there is nowhere else
	}
	for i, p := range parts {
		in, ok := Stands(parts, i)
		switch {
		case !ok:
		case asked == 0 && weights == 0:
			if in == i {
				targets[i] = 1 / float64(usable)
			}
		case p.Hashrate > 0:
			targets[in] += fixed * p.Hashrate / asked
		case weights > 0:
			targets[in] += (1 - fixed) * p.Weight / weights
		}
	}
	return targets
}
