// Command loka is a mining proxy for Stratum V1.
package main

import (
	"os"

	"github.com/loka/stratum/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr))
}
