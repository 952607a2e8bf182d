package sink

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/mining"
)

const mailSecret = "C4naryOfTheMine"

// mailbox is a mail server: it wants TLS and a password, as those do that are sent to.
type mailbox struct {
	mu sync.Mutex
	// refuse is what it says to a recipient, login what to a password.
	refuse map[string]*smtp.SMTPError
	login  *smtp.SMTPError
	got    []mailed
	plain  bool // somebody has logged in without TLS
}

// mailed is a mail that was taken.
type mailed struct{ from, to, text string }

// visitor is one connection.
type visitor struct {
	box      *mailbox
	conn     *smtp.Conn
	in       bool
	from, to string
}

func (v *visitor) AuthMechanisms() []string { return []string{sasl.Plain} }

func (v *visitor) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, name, password string) error {
		v.box.mu.Lock()
		defer v.box.mu.Unlock()
		if _, secure := v.conn.TLSConnectionState(); !secure {
			v.box.plain = true
		}
		if v.box.login != nil {
			return v.box.login
		}
		if name != "loka" || password != mailSecret {
			return smtp.ErrAuthFailed
		}
		v.in = true
		return nil
	}), nil
}

func (v *visitor) Mail(from string, _ *smtp.MailOptions) error {
	if !v.in {
		return smtp.ErrAuthRequired
	}
	v.from = from
	return nil
}

func (v *visitor) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.box.mu.Lock()
	defer v.box.mu.Unlock()
	if no := v.box.refuse[to]; no != nil {
		return no
	}
	v.to = to
	return nil
}

func (v *visitor) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v.box.mu.Lock()
	defer v.box.mu.Unlock()
	v.box.got = append(v.box.got, mailed{v.from, v.to, string(text)})
	return nil
}

func (v *visitor) Reset()        { v.from, v.to = "", "" }
func (v *visitor) Logout() error { return nil }

// open has the mailbox served at an address, by STARTTLS with a certificate of that name.
func (b *mailbox) open(t *testing.T, name string) (port string) {
	t.Helper()
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &visitor{box: b, conn: c}, nil }))
	server.Domain, server.TLSConfig, server.MaxLineLength = "mail.example.com", served(t, name), 1000
	server.ErrorLog = silent{}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// silent is a log of nothing.
type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

func (b *mailbox) all() []mailed {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]mailed(nil), b.got...)
}

// mailSink is a sink of that mailbox.
func mailSink(t *testing.T, port, password, to string, log io.Writer) *Sinks {
	t.Helper()
	s := New(Deps{Instance: "north", Now: time.Now, Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	raw := fmt.Sprintf("smtp://loka:%s@localhost:%s/?from=loka@example.com&to=%s&requirestarttls=yes&timeout=20s", password, port, to)
	if err := s.Reconfigure([]Config{{Name: "mail", URL: mining.Secret(raw), Severity: alert.Info, Ends: true, Every: time.Millisecond}}); err != nil {
		t.Fatal(err)
	}
	return s
}

// Mail goes by TLS that is verified, with a password, to each recipient by itself; its
// heads and lines are such as mail has them, whatever an alert says.
func TestMailIsTold(t *testing.T) {
	box := &mailbox{}
	s := mailSink(t, box.open(t, "localhost"), mailSecret, "ops@example.com,night@example.com", io.Discard)
	n := firing("worker_silent/zürich.\r\nBcc: a@evil.example", alert.Warning)
	n.Message = "it is so: " + strings.Repeat("très long ", 150) + "\n.\nit ends"
	for _, m := range []*message{
		{instance: "north", notices: []alert.Notice{n}},
		{instance: "north", notices: []alert.Notice{over(firing("pool_down/main", alert.Critical))}},
		{instance: "north", test: true},
	} {
		if err := s.all[0].attempt(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	got := box.all()
	if len(got) != 6 || box.plain {
		t.Fatalf("%d mails; without TLS: %t", len(got), box.plain)
	}
	seen := make(map[string]int)
	for i, m := range got {
		parsed, err := mail.ReadMessage(strings.NewReader(m.text))
		if err != nil {
			t.Fatalf("%v: %s", err, m.text)
		}
		subject := []string{"WARNING worker_silent/zürich.  Bcc: a@evil.example", "OVER pool_down/main", "loka north: a test"}[i/2]
		head := parsed.Header
		var words mime.WordDecoder
		if said, err := words.DecodeHeader(head.Get("Subject")); err != nil || said != subject || head.Get("Bcc") != "" || head.Get("To") != m.to || m.from != "loka@example.com" || head.Get("Content-Type") != `text/plain; charset="UTF-8"` {
			t.Errorf("from %s to %s: %v", m.from, m.to, head)
		}
		if _, err := head.Date(); err != nil {
			t.Error(err)
		}
		for line := range strings.Lines(m.text) {
			if len(line) > 1000 {
				t.Errorf("a line of %d bytes", len(line))
			}
		}
		seen[m.to]++
		body, err := io.ReadAll(parsed.Body)
		if want := []string{"\r\n.\r\nit ends\r\n", "after 5m0s", "This is a test of the alerts of loka north"}[i/2]; err != nil || !strings.Contains(string(body), want) {
			t.Errorf("no %q in %q, %v", want, body, err)
		}
	}
	if seen["ops@example.com"] != 3 || seen["night@example.com"] != 3 {
		t.Errorf("%v", seen)
	}
}

// A mail server that refuses is known for how it does, and no error has the password or
// an address in it. One whose certificate is another's is sent nothing.
func TestMailIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		box      *mailbox
		host     string
		password string
		kind     kind
		reached  bool
		says     string
	}{
		"a wrong password":    {&mailbox{}, "localhost", mailSecret + "x", lasting, true, "535"},
		"no such mailbox":     {&mailbox{refuse: map[string]*smtp.SMTPError{"ops@example.com": {Code: 550, Message: "no such user"}}}, "localhost", mailSecret, lasting, true, "no such user"},
		"it is greylisted":    {&mailbox{refuse: map[string]*smtp.SMTPError{"ops@example.com": {Code: 451, Message: "try later"}}}, "localhost", mailSecret, passing, false, "try later"},
		"it looks like spam":  {&mailbox{refuse: map[string]*smtp.SMTPError{"ops@example.com": {Code: 554, Message: "not wanted"}}}, "localhost", mailSecret, unfit, true, "not wanted"},
		"it is not at home":   {&mailbox{login: &smtp.SMTPError{Code: 454, Message: "later"}}, "localhost", mailSecret, passing, false, "later"},
		"another certificate": {&mailbox{}, "evil.example", mailSecret, passing, false, "certificate is valid for evil.example, not localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			var said bytes.Buffer
			s := mailSink(t, c.box.open(t, c.host), c.password, "ops@example.com", &said)
			err := s.all[0].attempt(t.Context(), &message{instance: "north", test: true})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v", err)
			}
			if r := err.refusal(); (r != nil) != c.reached || r != nil && r.kind != c.kind {
				t.Errorf("%+v: %v", r, err)
			}
			if told := err.Error() + said.String(); strings.Contains(told, mailSecret) || strings.Contains(told, "ops@example.com") || len(c.box.all()) != 0 || c.box.plain {
				t.Errorf("%s; %d mails, without TLS: %t", told, len(c.box.all()), c.box.plain)
			}
		})
	}
}

// One recipient that is refused keeps nothing from another, and has it told nothing twice.
func TestOneOfSeveralRecipients(t *testing.T) {
	box := &mailbox{refuse: map[string]*smtp.SMTPError{"gone@example.com": {Code: 550, Message: "no such user"}}}
	s := mailSink(t, box.open(t, "localhost"), mailSecret, "gone@example.com,ops@example.com", io.Discard)
	m := &message{instance: "north", notices: []alert.Notice{firing("a/1", alert.Critical)}}
	for range 3 {
		err := s.all[0].attempt(t.Context(), m)
		if err == nil || !err.partial() || !strings.Contains(err.Error(), "no such user") {
			t.Fatalf("%v", err)
		}
	}
	if got := box.all(); len(got) != 1 || got[0].to != "ops@example.com" {
		t.Errorf("%+v", got)
	}
	m.notices = append(m.notices, firing("b/1", alert.Info))
	if err := s.all[0].attempt(t.Context(), m); err == nil || !err.partial() {
		t.Fatalf("%v", err)
	}
	if got := box.all(); len(got) != 2 || strings.Contains(got[1].text, "a/1") || !strings.Contains(got[1].text, "b/1") {
		t.Errorf("%+v", got)
	}
}
