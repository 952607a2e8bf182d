//go:build !linux

package bench

import (
	"context"
	"errors"
	"io"
)

var errOther = errors.New("this machine cannot be measured: loka bench is for Linux, for it rests on epoll and on the kernel's times of arrival")

// Run is for Linux.
func Run(context.Context, Config, Deps) (*Result, error) { return nil, errOther }

// Load is for Linux.
func Load(io.Reader, io.Writer) error { return errOther }
