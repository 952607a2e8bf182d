package cli

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/loka/stratum/internal/client"
)

// exporting is a proxy that answers f to an export.
func exporting(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL
}

func TestExport(t *testing.T) {
	t.Parallel()
	var asked string
	addr := exporting(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.String() + " " + r.Header.Get("Authorization")
		_, _ = io.WriteString(w, "a,b\n1,2\n")
	})
	for line, want := range map[string]string{
		"--what hours": "GET /api/v1/export?format=csv&what=hours Bearer s3cret",
		"--what shares --format parquet --from 2h --to 2026-01-31T12:00:00+01:00 --worker a.b&c --user a --pool p --route r": "GET /api/v1/export?format=parquet&from=2h&pool=p&route=r&to=2026-01-31T12%3A00%3A00%2B01%3A00&user=a&what=shares&worker=a.b%26c Bearer s3cret",
	} {
		b := newBench()
		code := b.run(append(append([]string{"export"}, strings.Fields(line)...), "--http", addr, "--token", "s3cret")...)
		if code != exitOK || asked != want || b.stdout.String() != "a,b\n1,2\n" {
			t.Errorf("%s: exit code %d, asked %q, said %q%q", line, code, asked, b.stdout, b.stderr)
		}
	}
	path := filepath.Join(t.TempDir(), "out.csv")
	for range 2 { // the second one goes in place of the first
		b := newBench()
		code := b.run("export", "--what", "hours", "--http", addr, "-o", path)
		if text, err := os.ReadFile(path); code != exitOK || err != nil || string(text) != "a,b\n1,2\n" || b.stdout.String() != path+" written, 8 bytes\n" {
			t.Errorf("exit code %d, %v, said %q%q", code, err, b.stdout, b.stderr)
		}
	}
	b := newBench()
	if code := b.run("export", "--what", "hours", "--http", addr, "-o", filepath.Join(path, "x")); code != exitFailed || !strings.Contains(b.stderr.String(), "cannot be written") {
		t.Errorf("no folder: exit code %d, said %q", code, b.stderr)
	}
}

// What breaks off is no file, and what was there before stays.
func TestExportThatBreaksOff(t *testing.T) {
	t.Parallel()
	addr := exporting(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "a,b\n")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	dir := t.TempDir()
	path := filepath.Join(dir, "out.csv")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-o", path}, {}} {
		b := newBench()
		code := b.run(append([]string{"export", "--what", "hours", "--http", addr}, args...)...)
		if code != exitFailed || !strings.Contains(b.stderr.String(), "broke off after 4 bytes") || strings.Contains(b.stdout.String(), "written") {
			t.Errorf("%v: exit code %d, said %q%q", args, code, b.stdout, b.stderr)
		}
	}
	entries, err := os.ReadDir(dir)
	if text, _ := os.ReadFile(path); err != nil || len(entries) != 1 || string(text) != "before" {
		t.Errorf("%v %v: %q", entries, err, text)
	}
}

// What is no file is written to and stays what it is, and a link stays one.
func TestExportInPlace(t *testing.T) {
	t.Parallel()
	addr := exporting(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a,b\n") })
	dir := t.TempDir()
	pipe, link, file := filepath.Join(dir, "pipe"), filepath.Join(dir, "link"), filepath.Join(dir, "file")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.WriteFile(file, []byte("before"), 0o600), os.Symlink("file", link)); err != nil {
		t.Fatal(err)
	}
	read := make(chan string, 1)
	go func() {
		text, _ := os.ReadFile(pipe)
		read <- string(text)
	}()
	for _, path := range []string{pipe, link} {
		was, _ := os.Lstat(path)
		b := newBench()
		if code := b.run("export", "--what", "hours", "--http", addr, "-o", path); code != exitOK {
			t.Fatalf("%s: exit code %d, said %q", path, code, b.stderr)
		}
		if is, err := os.Lstat(path); err != nil || is.Mode().Type() != was.Mode().Type() {
			t.Fatalf("%s is %v now: %v", path, is, err)
		}
		if text := b.stdout.String(); (text == "") != (path == pipe) {
			t.Errorf("%s: said %q", path, text)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "a,b\n" {
		t.Errorf("the file that the link names has %q: %v", text, err)
	}
	if text := <-read; text != "a,b\n" {
		t.Errorf("the pipe was given %q", text)
	}
	b := newBench()
	if code := b.run("export", "--what", "hours", "--http", addr, "-o", dir); code != exitFailed || !strings.Contains(b.stderr.String(), dir+" cannot be written") || strings.Contains(b.stderr.String(), "data_dir") {
		t.Errorf("a folder: exit code %d, said %q", code, b.stderr)
	}
}

// What is wrong with the place that -o names is nothing of the proxy's folder.
func TestExportToNowhere(t *testing.T) {
	t.Parallel()
	err := outputError{"/x/out.csv", &os.PathError{Op: "open", Path: "/x/out.csv", Err: syscall.EACCES}}
	full := &client.WriteError{Err: syscall.ENOSPC}
	if advice(err) != "" || advice(full) != "" {
		t.Errorf("advised %q and %q", advice(err), advice(full))
	}
}

// A signal ends it, and leaves nothing.
func TestExportInterrupted(t *testing.T) {
	t.Parallel()
	addr := exporting(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "a,b\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	dir := t.TempDir()
	b := newBench()
	go func() { b.signals <- os.Interrupt }()
	code := b.run("export", "--what", "hours", "--http", addr, "-o", filepath.Join(dir, "out.csv"))
	if entries, _ := os.ReadDir(dir); code != exitFailed || len(entries) != 0 {
		t.Errorf("exit code %d, %v, said %q", code, entries, b.stderr)
	}
}

func TestExportRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		want   string
	}{
		{422, `{"detail":"from: want an RFC 3339 time"}`, "loka: from: want an RFC 3339 time\n"},
		{429, `{"detail":"4 exports run already"}`, "loka: 4 exports run already\n"},
		{401, `{"detail":"this needs the header"}`, "wants a token: give --token"},
		{500, `{}`, "is it a loka of this version?"},
	} {
		addr := exporting(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		b := newBench()
		if code := b.run("export", "--what", "hours", "--http", addr); code != exitFailed || b.stdout.String() != "" || !strings.Contains(b.stderr.String(), c.want) {
			t.Errorf("%d: exit code %d, said %q%q", c.status, code, b.stdout, b.stderr)
		}
	}
	for line, want := range map[string]string{
		"":                          "missing flags: --what=WHAT; see `loka export --help`",
		"--what all":                "--what must be one of \"shares\",\"minutes\"",
		"--what hours --format xls": "--format must be one of \"csv\",\"parquet\"",
		"--what hours out.csv":      "unexpected argument out.csv",
	} {
		b := newBench()
		if code := b.run(append([]string{"export"}, strings.Fields(line)...)...); code != exitUsage || !strings.Contains(b.stderr.String(), want) {
			t.Errorf("%q: exit code %d, said %q", line, code, b.stderr)
		}
	}
}

// What cannot be written is not the proxy's fault.
func TestDownloadThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	addr := exporting(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a,b\n") })
	r, w := io.Pipe()
	_ = r.Close()
	_, err := client.New(client.Config{Base: addr}).Export(t.Context(), "hours", "csv", client.Past{}, w)
	if err == nil || !strings.Contains(err.Error(), "what has come cannot be written: io: read/write on closed pipe") {
		t.Errorf("got %v", err)
	}
}
