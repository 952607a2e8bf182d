package config

import "time"

// Limits is the [limits] table: how fast lines are listened to. Rates are a
// second; 0 is no limit.
type Limits struct {
	// Submits, Logins and Others are of each connection.
	Submits      float64 `toml:"submits"`
	SubmitsBurst int     `toml:"submits_burst"`
	Logins       float64 `toml:"logins"`
	LoginsBurst  int     `toml:"logins_burst"`
	Others       float64 `toml:"others"`
	OthersBurst  int     `toml:"others_burst"`
	// Worker, Address and Subnet are of several connections together.
	Worker       float64 `toml:"worker"`
	WorkerBurst  int     `toml:"worker_burst"`
	Address      float64 `toml:"address"`
	AddressBurst int     `toml:"address_burst"`
	Subnet       float64 `toml:"subnet"`
	SubnetBurst  int     `toml:"subnet_burst"`
	SubnetV4     int     `toml:"subnet_v4"`
	SubnetV6     int     `toml:"subnet_v6"`
	// MaxHold is the longest wait for a line's turn.
	MaxHold time.Duration `toml:"max_hold"`
}

// defaultLimits are those that hold where nothing is set.
func defaultLimits() Limits {
	return Limits{
		Submits: 300, SubmitsBurst: 3000, Logins: 5, LoginsBurst: 300, Others: 10, OthersBurst: 200,
		WorkerBurst: 10_000, AddressBurst: 200_000, SubnetBurst: 200_000, SubnetV4: 24, SubnetV6: 64,
		MaxHold: 30 * time.Second,
	}
}

// Bounds of limits.
const (
	maxRate  = 1_000_000
	maxBurst = 100_000_000
	// maxHold is how long a connection's reader may be held; serve knows it too.
	maxHold = 30 * time.Second
)

// checkLimits checks the [limits] table.
func (l *loader) checkLimits(c Limits) {
	for _, one := range []struct {
		key   string
		rate  float64
		burst int
	}{
		{"submits", c.Submits, c.SubmitsBurst},
		{"logins", c.Logins, c.LoginsBurst},
		{"others", c.Others, c.OthersBurst},
		{"worker", c.Worker, c.WorkerBurst},
		{"address", c.Address, c.AddressBurst},
		{"subnet", c.Subnet, c.SubnetBurst},
	} {
		if one.rate < 0 || one.rate > maxRate {
			l.add(join("limits", one.key), "%s a second is out of range; write a number from 0, which is no limit, to %d", formatFloat(one.rate), maxRate)
		}
		if one.burst < 1 || one.burst > maxBurst {
			l.add(join("limits", one.key+"_burst"), "%d is out of range; write a number from 1 to %d", one.burst, maxBurst)
		}
	}
	bits := func(key string, n, most int) {
		if n < 1 || n > most {
			l.add(join("limits", key), "%d is out of range; write the length of a prefix, 1 to %d", n, most)
		}
	}
	bits("subnet_v4", c.SubnetV4, 32)
	bits("subnet_v6", c.SubnetV6, 128)
	l.checkTimeout("limits.max_hold", c.MaxHold, maxHold)
}

// limitsMeanings is the documentation of the [limits] table.
func limitsMeanings() map[string]meaning {
	burst := func(of string) meaning {
		return meaning{"How many may come at once before `" + of + "` holds.", ""}
	}
	return map[string]meaning{
		"limits.submits":       {"Shares a second that each connection may send, for each worker that it has logged in; 0 is no limit. See [limits](#limits).", ""},
		"limits.submits_burst": burst("submits"),
		"limits.logins":        {"Logins a second of each connection; 0 is no limit.", ""},
		"limits.logins_burst":  burst("logins"),
		"limits.others":        {"All other lines a second of each connection; 0 is no limit.", ""},
		"limits.others_burst":  burst("others"),
		"limits.worker":        {"Shares a second of each login, whatever its connections; 0 is no limit.", ""},
		"limits.worker_burst":  burst("worker"),
		"limits.address":       {"Lines a second from each address, of which a farm behind NAT has one; 0 is no limit.", ""},
		"limits.address_burst": burst("address"),
		"limits.subnet":        {"Lines a second from each subnet; 0 is no limit.", ""},
		"limits.subnet_burst":  burst("subnet"),
		"limits.subnet_v4":     {"Length of the prefix that is a subnet of IPv4, 1 to 32.", ""},
		"limits.subnet_v6":     {"Length of the prefix that is a subnet of IPv6, 1 to 128.", ""},
		"limits.max_hold":      {"Longest time that a connection waits for one line's turn, at most 30 s; what it owes beyond that is forgiven.", ""},
	}
}
