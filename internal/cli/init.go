package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/loka/stratum/internal/config"
)

// initCmd is `loka init`.
type initCmd struct {
	Output string `short:"o" placeholder:"FILE" help:"Write to FILE, which must not exist yet; without it, to stdout."`
}

// Run writes the example.
func (c *initCmd) Run(env *environment) error {
	if c.Output == "" || c.Output == "-" {
		_, err := io.WriteString(env.stdout, config.Example())
		return err
	}
	// 0600: the file will hold the pool's password.
	f, err := os.OpenFile(c.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already and is left as it is; remove it, or name another file", c.Output)
	}
	if err != nil {
		return fmt.Errorf("the example cannot be written: %w", err)
	}
	_, err = io.WriteString(f, config.Example())
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("the example cannot be written: %w", err)
	}
	_, _ = fmt.Fprintf(env.stdout, "%s written; put your pool and account in, then: loka check %s && loka start -c %s\n",
		c.Output, c.Output, c.Output)
	return nil
}
