package pg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience is how long a server may take to start or to end.
const patience = 30 * time.Second

// ErrNotInstalled says that there is no PostgreSQL on this machine.
var ErrNotInstalled = errors.New("PostgreSQL is not installed (apt-get install postgresql-15)")

// Server is a PostgreSQL with nothing of worth in it: it does not wait for the
// disk. It is for one goroutine at a time.
type Server struct {
	binaries, dir string
	port          int
	settings      []string
	// process and ended are the running server's.
	process *os.Process
	ended   chan struct{}
}

// find is where the newest PostgreSQL's programs are.
func find() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", ErrNotInstalled
	}
	version := func(path string) int {
		n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		if err != nil {
			return 0
		}
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	return filepath.Dir(found[0]), nil
}

// New makes a server and starts it, with settings such as "synchronous_commit=on"
// over those that it has for speed. [Server.Close] ends it. Without a PostgreSQL on
// this machine it is [ErrNotInstalled].
func New(ctx context.Context, settings ...string) (_ *Server, err error) {
	binaries, err := find()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "loka-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{binaries: binaries, dir: dir, settings: settings}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if uid, gid, other := owner(); other {
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			return nil, err
		}
	}
	init := exec.CommandContext(ctx, filepath.Join(binaries, "initdb"), "-D", s.data(), "-U", "postgres", "-A", "trust", "--no-sync", "--encoding=UTF8", "--locale=C") //nolint:gosec // found where Debian puts it
	init.SysProcAttr, init.Dir = attributes(), dir
	if said, err := init.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, said)
	}
	if s.port, err = freePort(ctx); err != nil {
		return nil, err
	}
	return s, s.Start(ctx)
}

// freePort is a port that nobody listens at.
func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	_, text, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return 0, errors.Join(err, l.Close())
	}
	port, err := strconv.Atoi(text)
	return port, errors.Join(err, l.Close())
}

// data is where the databases are.
func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// URL is a database's.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User("postgres"), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Start starts a server that was stopped, and returns once it can be asked. It has
// the port that it had.
func (s *Server) Start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(s.binaries, "postgres"), "-D", s.data(), "-k", s.dir, "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), //nolint:gosec,noctx // found where Debian puts it; it outlives whoever has it started
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=60")
	for _, setting := range s.settings {
		cmd.Args = append(cmd.Args, "-c", setting)
	}
	cmd.SysProcAttr, cmd.Dir, cmd.Stdout, cmd.Stderr = attributes(), s.dir, log, log
	begun, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		// The server ends with the thread that has started it: this one stays.
		runtime.LockOSThread()
		err := cmd.Start()
		begun <- errors.Join(err, log.Close())
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
		}
	}()
	if err := <-begun; err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	s.process, s.ended = cmd.Process, ended
	return s.awaitStart(ctx)
}

// awaitStart waits until the server can be asked.
func (s *Server) awaitStart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := s.do(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-s.ended:
			said, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("PostgreSQL ended at once: %w\n%s", err, said)
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		}
	}
}

// do runs a statement in the database that is always there.
func (s *Server) do(ctx context.Context, statement string, args ...any) (err error) {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, statement, args...)
	return err
}

// Stop stops the server, which ends all connections. Stopped it stays as it is
// until it is started again.
func (s *Server) Stop() error { return s.end(syscall.SIGINT) }

// Crash stops the server as a crash would: its next start begins with recovery.
func (s *Server) Crash() error { return s.end(syscall.SIGQUIT) }

// end ends the process that was started here, and no other.
func (s *Server) end(signal syscall.Signal) error {
	if s.process == nil {
		return nil
	}
	err := s.process.Signal(signal)
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-s.ended:
		err = nil
	case <-late.C:
		err = errors.Join(err, s.process.Kill())
		<-s.ended
	}
	s.process = nil
	return err
}

// Terminate ends all connections to a database.
func (s *Server) Terminate(ctx context.Context, database string) error {
	return s.do(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()", database)
}

// Close ends the server and removes what there is of it.
func (s *Server) Close() error { return errors.Join(s.Stop(), os.RemoveAll(s.dir)) }
