package process_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/testkit/process"
)

// start starts a shell with a script, which has said "ready" when this returns.
func start(t *testing.T, said *process.Output, script string) *process.Process {
	t.Helper()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	p, err := process.Start(said, t.TempDir(), shell, "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for !strings.Contains(said.String(), "ready") {
		select {
		case <-again.C:
		case <-p.Done():
			t.Fatalf("it has ended: %v: %s", p.Err(), said.String())
		}
	}
	return p
}

// Who ends when asked to has its own end, who does not is killed, which is told.
func TestStop(t *testing.T) {
	t.Setenv("LOKA_SECRET", "x")
	var said process.Output
	p := start(t, &said, `trap 'echo "bye $LOKA_SECRET."; exit 0' TERM; echo ready; while :; do sleep 0.01; done`)
	if p.Ended() {
		t.Error("it has ended")
	}
	if err := p.Stop(time.Minute); err != nil || !p.Ended() || !strings.HasSuffix(said.String(), "bye .\n") {
		t.Errorf("%v, ended %v, said %q", err, p.Ended(), said.String())
	}
	if got := said.Tail(3); got != " .\n" || said.Len() != len(said.String()) {
		t.Errorf("the end of %d bytes is %q", said.Len(), got)
	}
	deaf := start(t, new(process.Output), `trap '' TERM; echo ready; while :; do sleep 0.01; done`)
	if err := deaf.Stop(time.Millisecond); !errors.Is(err, process.ErrLate) || deaf.Err() == nil {
		t.Errorf("%v, %v", err, deaf.Err())
	}
}

// What cannot be built is told with what the compiler says, and what was not asked for
// can be removed.
func TestBinary(t *testing.T) {
	t.Parallel()
	none := process.Binary{Root: t.TempDir()}
	none.Remove()
	if _, err := none.Path(); err == nil || !strings.Contains(err.Error(), "go.mod") && !strings.Contains(err.Error(), "cmd/loka") {
		t.Errorf("an empty folder is built: %v", err)
	}
	none.Remove()
}
