package sim

import (
	"fmt"
	"log/slog"
	"slices"
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

func (cfg *PoolConfig) check() error {
	switch {
	case cfg.Extranonce1Size < 0 || cfg.Extranonce1Size > work.MaxExtranonce:
		return fmt.Errorf("%w: extranonce1 of %d bytes, want 1 to %d", ErrConfig, cfg.Extranonce1Size, work.MaxExtranonce)
	case cfg.Extranonce2Size < 0 || cfg.Extranonce2Size > 16:
		return fmt.Errorf("%w: extranonce2 of %d bytes, want 1 to 16", ErrConfig, cfg.Extranonce2Size)
	case cfg.Difficulty != 0 && !cfg.Difficulty.Valid():
		return fmt.Errorf("%w: difficulty %v", ErrConfig, float64(cfg.Difficulty))
	case len(cfg.Tag) > 20:
		return fmt.Errorf("%w: tag of %d bytes, want at most 20", ErrConfig, len(cfg.Tag))
	case cfg.Dialect != "" && !slices.Contains(Dialects(), cfg.Dialect):
		return fmt.Errorf("%w: unknown dialect %q", ErrConfig, cfg.Dialect)
	case cfg.VersionRule != "" && cfg.VersionRule != RuleBIP310 && cfg.VersionRule != RuleOr && cfg.VersionRule != RuleXor:
		return fmt.Errorf("%w: unknown version rule %q", ErrConfig, cfg.VersionRule)
	case cfg.DifficultyRule != "" && cfg.DifficultyRule != DifficultyTolerant && cfg.DifficultyRule != DifficultyStrict:
		return fmt.Errorf("%w: unknown difficulty rule %q", ErrConfig, cfg.DifficultyRule)
	}
	if cfg.NBits != 0 {
		if _, err := cfg.NBits.Target(); err != nil {
			return fmt.Errorf("%w: nbits %s: %w", ErrConfig, cfg.NBits, err)
		}
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
