package sink

import (
	"context"
	"fmt"
	"io"
	"log"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/discord"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/slack"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/telegram"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/email/smtp"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"github.com/loka/stratum/internal/alert"
)

// sender hands a message over.
type sender interface {
	send(ctx context.Context, m *message) error
	// stuck says that an attempt goes on that was given up.
	stuck() bool
}

// newSender makes the sender of a URL. The error is an [AddressError].
func newSender(raw string, client *http.Client) (sender, error) {
	switch name := Service(raw); name {
	case webhookScheme:
		at, err := overHTTP(raw)
		if err != nil {
			return nil, err
		}
		return &webhook{at.String(), client}, nil
	case alertmanagerScheme:
		at, err := overHTTP(raw)
		if err != nil {
			return nil, err
		}
		return &alertmanager{url: strings.TrimSuffix(at.String(), "/") + "/api/v2/alerts", client: client}, nil
	default:
		if !slices.ContainsFunc(Services(), func(s string) bool { return s == name }) {
			return nil, noService()
		}
		return newService(raw, client)
	}
}

// newService makes the sender of a service whose form of URL is shoutrrr's.
func newService(raw string, client *http.Client) (sender, error) {
	first, err := newShout(raw)
	if err != nil {
		return nil, err
	}
	switch service := first.service.(type) {
	case *slack.Service, *telegram.Service, *discord.Service:
		at, err := url.Parse(raw)
		if err != nil {
			return nil, &AddressError{scrub(err, raw).Error()}
		}
		chat, err := newChat(Service(raw), at, client)
		if err != nil {
			return nil, &AddressError{scrub(err, raw).Error()}
		}
		return chat, nil
	case *smtp.Service:
		all := make([]sender, 0, len(service.Config.ToAddresses))
		for _, to := range service.Config.ToAddresses {
			one, err := newShout(raw)
			if err != nil {
				return nil, err
			}
			if mail, ok := one.service.(*smtp.Service); ok {
				mail.Config.ToAddresses = []string{to}
			}
			one.mail = true
			all = append(all, one)
		}
		return severally(all), nil
	}
	return first, nil
}

// shout is a service of shoutrrr's.
type shout struct {
	service types.Service
	titled  bool
	mail    bool
	// busy has one element while an attempt is on its way: some services wait for as
	// long as the network lets them, and cannot be told to stop. So one that is stuck
	// keeps one goroutine, until the other side or the kernel gives its connection up or
	// the process ends; no stop waits for it, which is logged.
	busy chan struct{}
}

// titled are the services that take a title.
//
//nolint:gochecknoglobals // a table
var titled = []string{
	"bark", "generic", "gotify", "join", "lark", "matrix", "mattermost", "ntfy", "opsgenie", "pushbullet", "pushover", "smtp", "teams", "zulip",
}

func newShout(raw string) (*shout, error) {
	quiet := log.New(io.Discard, "", 0)
	r, err := router.New(quiet)
	if err != nil {
		return nil, &AddressError{scrub(err, raw).Error()}
	}
	service, err := r.Locate(raw)
	if err != nil {
		return nil, &AddressError{scrub(why(r, raw, err), raw).Error()}
	}
	return &shout{service: service, titled: slices.Contains(titled, Service(raw)), busy: make(chan struct{}, 1)}, nil
}

// why asks the service itself what it does not like, for its router does not say.
func why(r *router.ServiceRouter, raw string, err error) error {
	name, at, wrong := r.ExtractServiceName(raw)
	if wrong != nil {
		return wrong
	}
	service, wrong := r.NewService(name)
	if wrong != nil {
		return wrong
	}
	if wrong = service.Initialize(at, log.New(io.Discard, "", 0)); wrong != nil {
		return wrong
	}
	return err
}

// stuckError is of a sink that has not come back from the attempt before.
type stuckError struct{}

func (stuckError) Error() string { return "it has not answered the message before this one yet" }

func (s *shout) send(ctx context.Context, m *message) error {
	select {
	case s.busy <- struct{}{}:
	case <-ctx.Done():
		return stuckError{}
	}
	title, text, params := m.title(), m.text(), types.Params{}
	if s.mail {
		title, text = mime.QEncoding.Encode("utf-8", title), folded(text)
	}
	if s.titled {
		params.SetTitle(title)
	} else {
		text = title + "\n" + text
	}
	done := make(chan error, 1)
	go func() { // it may outlive ctx, alone: see busy
		defer func() { <-s.busy }()
		done <- guarded(func() error { return s.service.Send(text, &params) })
	}()
	select {
	case err := <-done:
		if s.mail {
			return ofMail(err)
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *shout) stuck() bool { return len(s.busy) > 0 }

// longestLine bounds a line of mail, in bytes; more than 998 may be refused.
const longestLine = 900

// folded breaks the lines that mail does not take.
func folded(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		for len(line) > longestLine {
			at := longestLine
			if space := strings.LastIndexByte(line[:at], ' '); space > 0 {
				at = space
			}
			for at > 0 && !utf8.RuneStart(line[at]) {
				at--
			}
			b.WriteString(line[:at] + "\n")
			line = strings.TrimPrefix(line[at:], " ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// panicError is of a service that has panicked over what it was answered.
type panicError struct{ what any }

func (e panicError) Error() string { return fmt.Sprintf("the service has panicked: %v", e.what) }

// guarded keeps what a service does with an answer from ending the process.
func guarded(f func() error) (err error) {
	defer func() {
		if what := recover(); what != nil {
			err = panicError{what}
		}
	}()
	return f()
}

// webhook takes JSON.
type webhook struct {
	url    string
	client *http.Client
}

// hookBody is what a webhook is sent.
type hookBody struct {
	Version  int         `json:"version"`
	Instance string      `json:"instance"`
	At       time.Time   `json:"at"`
	Test     bool        `json:"test"`
	Title    string      `json:"title"`
	Text     string      `json:"text"`
	Dropped  int         `json:"dropped"`
	Alerts   []hookAlert `json:"alerts"`
}

type hookAlert struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Severity string            `json:"severity"`
	State    string            `json:"state"`
	Kind     string            `json:"kind"`
	Subject  string            `json:"subject"`
	Labels   map[string]string `json:"labels"`
	Since    time.Time         `json:"since"`
	Resolved *time.Time        `json:"resolved_at"`
	Message  string            `json:"message"`
	Value    float64           `json:"value"`
	Runbook  string            `json:"runbook"`
	Again    bool              `json:"again"`
	Flapping bool              `json:"flapping"`
}

func (*webhook) stuck() bool { return false }

func (w *webhook) send(ctx context.Context, m *message) error {
	body := hookBody{
		Version: 1, Instance: m.instance, At: m.at.UTC(), Test: m.test, Title: m.title(), Text: m.text(), Dropped: m.dropped,
		Alerts: make([]hookAlert, 0, len(m.notices)),
	}
	for i := range m.notices {
		n := &m.notices[i]
		one := hookAlert{
			ID: n.ID, Name: n.Name, Severity: string(n.Severity), State: string(n.State), Kind: string(n.Kind), Subject: n.Subject,
			Labels: make(map[string]string), Since: n.Since.UTC(), Message: n.Message, Value: n.Value, Runbook: n.Runbook, Again: n.Again, Flapping: n.Flapping,
		}
		for _, l := range n.Labels {
			one.Labels[l.Name] = l.Value
		}
		if n.State == alert.Resolved {
			at := n.ResolvedAt.UTC()
			one.Resolved = &at
		}
		body.Alerts = append(body.Alerts, one)
	}
	return post(ctx, w.client, w.url, body)
}
