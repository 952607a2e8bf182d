package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
)

// loadText makes a Config of the text of a file, nil for none, the environment and
// flags. The error is a [config.Problems].
func (env *environment) loadText(file []byte, path string, flags config.Flags) (*config.Config, error) {
	return loaded(config.Load(file, path, env.options(flags)))
}

// options are what a Config is made of besides a file.
func (env *environment) options(flags config.Flags) config.Options {
	return config.Options{Env: env.lookup, EnvNames: env.names(), Flags: flags, Database: app.CheckDatabase}
}

func loaded(cfg *config.Config, problems config.Problems) (*config.Config, error) {
	if len(problems) > 0 {
		return nil, problems
	}
	return cfg, nil
}

// readConfig returns the bytes of a file ("" is none, "-" is stdin); nil only where
// there is none.
func (env *environment) readConfig(path string) ([]byte, error) {
	var source io.Reader
	switch path {
	case "":
		return nil, nil
	case "-":
		source = env.stdin
	default:
		f, err := os.Open(path) //nolint:gosec // the operator names the file
		if errors.Is(err, fs.ErrNotExist) {
			return nil, usageError{fmt.Sprintf("%s: no such file; `loka init -o %s` writes an example", path, path)}
		}
		if err != nil {
			return nil, usageError{fmt.Sprintf("cannot read the configuration: %v", err)}
		}
		defer func() { _ = f.Close() }()
		source = f
	}
	// One byte more than Load takes, so that it can refuse what is larger.
	data, err := io.ReadAll(io.LimitReader(source, config.MaxFileSize+1))
	if err != nil {
		return nil, usageError{fmt.Sprintf("cannot read the configuration: %v", err)}
	}
	return append([]byte{}, data...), nil
}
