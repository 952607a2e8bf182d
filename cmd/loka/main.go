// Command loka is a mining proxy for Stratum V1.
package main

import (
	"os"
	_ "time/tzdata" // windows of splits name zones, which not every machine has

	"github.com/loka/stratum/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr))
}
