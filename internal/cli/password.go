package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/loka/stratum/internal/pipeline/logins"
)

// passwordCmd is `loka password`.
type passwordCmd struct {
	Login      string `arg:"" optional:"" help:"The login, or a glob on logins, whose secret it is."`
	Iterations int    `default:"${iterations}" help:"How often the secret is hashed, which is done at its first login after a start."`
}

// Help is shown below the command's flags.
func (*passwordCmd) Help() string {
	return "The secret is asked for, or read from the first line of stdin where that is no terminal. With LOGIN a line for logins.file is printed, without it the hash alone, as logins.password takes it."
}

// Run prints the hash.
func (c *passwordCmd) Run(env *environment) error {
	if strings.ContainsAny(c.Login, "\r\n") || strings.HasPrefix(c.Login, "#") || c.Login != strings.TrimSpace(c.Login) {
		return usageError{"a login has no line ends or spaces around it, and does not begin with #"}
	}
	secret, err := env.readSecret()
	if err != nil {
		return err
	}
	if err := logins.CheckSecret(secret); err != nil {
		return usageError{err.Error()}
	}
	h, err := logins.NewHash(secret, c.Iterations)
	if err != nil {
		return usageError{err.Error()}
	}
	line := h.String()
	if c.Login != "" {
		line = c.Login + ":" + line
	}
	_, err = fmt.Fprintln(env.stdout, line)
	return err
}

// maxTyped is the longest line that is read as a secret, in bytes.
const maxTyped = 1 << 10

// readSecret asks for a secret twice, without showing it, or reads a line where
// nobody is there to ask.
func (env *environment) readSecret() (string, error) {
	if f, ok := env.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return askSecret(int(f.Fd()), env.stderr)
	}
	line, err := bufio.NewReader(io.LimitReader(env.stdin, maxTyped)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("the secret cannot be read: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// askSecret asks a person.
func askSecret(fd int, screen io.Writer) (string, error) {
	var typed [2]string
	for i, prompt := range []string{"Secret: ", "Again: "} {
		_, _ = io.WriteString(screen, prompt)
		text, err := term.ReadPassword(fd)
		_, _ = io.WriteString(screen, "\n")
		if err != nil {
			return "", fmt.Errorf("the secret cannot be read: %w", err)
		}
		typed[i] = string(text)
	}
	if typed[0] != typed[1] {
		return "", usageError{"the two are not the same"}
	}
	return typed[0], nil
}
