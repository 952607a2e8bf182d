package sim

import (
	"log/slog"
	"time"

	"github.com/loka/stratum/work"
)

func (cfg *PoolConfig) setDefaults() error {
	if err := cfg.check(); err != nil {
		return err
	}
	setDefault(&cfg.Listen, "127.0.0.1:0")
	setDefault(&cfg.Extranonce1Size, 4)
	if cfg.NoExtranonce1 {
		cfg.Extranonce1Size = 0
	}
	setDefault(&cfg.Extranonce2Size, 8)
	setDefault(&cfg.Difficulty, 1)
	setDefault(&cfg.DifficultyRule, DifficultyTolerant)
	setDefault(&cfg.VersionMask, work.MaskBIP320)
	if cfg.NoVersionRolling {
		cfg.VersionMask = 0
	}
	setDefault(&cfg.VersionRule, RuleBIP310)
	setDefault(&cfg.JobInterval, 30*time.Second)
	setDefault(&cfg.NBits, 0x1703a30c)
	setDefault(&cfg.Version, 0x20000000)
	setDefault(&cfg.Transactions, 12)
	setDefault(&cfg.MaxNTimeRoll, 10*time.Minute)
	setDefault(&cfg.Dialect, DialectArray)
	setDefault(&cfg.Tag, "/loka sim/")
	setDefault(&cfg.Logger, slog.New(slog.DiscardHandler))
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
