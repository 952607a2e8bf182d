package app_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/loka/stratum/internal/load"
)

// beChild is this process's work where it is one beside a benchmark's.
func beChild(role string) {
	err := errors.New("unknown role " + role)
	switch role {
	case "load":
		err = load.Serve(os.Stdin, os.Stdout)
	case "pool":
		err = servePool(os.Stdin, os.Stdout)
	case "look":
		err = look(os.Args[1:], os.Stdout)
	case "light":
		err = serveLight(os.Args[1:], os.Stdin, os.Stdout)
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
