package sink

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
)

// The schemes that are ours; all others are shoutrrr's.
const (
	webhookScheme      = "webhook"
	alertmanagerScheme = "alertmanager"
)

// AddressError is why a URL is no sink's. It has nothing in it that is secret.
type AddressError struct{ Text string }

func (e *AddressError) Error() string { return e.Text }

// Check says what is wrong with a sink's URL, without any part of it that is secret.
func Check(raw string) error {
	_, err := newSender(raw, nil)
	return err
}

// Service is what a sink's URL is for: its scheme, without what says how to get there.
func Service(raw string) string {
	scheme, _, _ := strings.Cut(raw, ":")
	name, _, _ := strings.Cut(strings.ToLower(scheme), "+")
	return name
}

// Services lists the schemes that a URL may have.
func Services() []string {
	all := []string{webhookScheme + "+https", webhookScheme + "+http", alertmanagerScheme + "+http", alertmanagerScheme + "+https"}
	for _, name := range new(router.ServiceRouter).ListServices() {
		if name != "logger" {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// overHTTP reads the URL of a sink of ours: the scheme after the plus is how to get
// there.
func overHTTP(raw string) (*url.URL, error) {
	_, rest, ok := strings.Cut(raw, "+")
	if !ok {
		return nil, &AddressError{"say how to get there: " + Service(raw) + "+https://… or +http://…"}
	}
	at, err := url.Parse(rest)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return nil, &AddressError{"it is no URL of HTTP; write " + Service(raw) + "+https://HOST[:PORT]/PATH"}
	}
	return at, nil
}

// links are URLs in what others say.
var links = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'<>]+`)

// shortest is how long a part of a URL is that may be a secret.
const shortest = 4

// scrub takes out of an error whatever may be secret of a sink's URL: its parts, and
// all of other URLs but their scheme.
func scrub(err error, raw string) error {
	if err == nil {
		return nil
	}
	text := links.ReplaceAllStringFunc(err.Error(), func(link string) string {
		scheme, _, _ := strings.Cut(link, "://")
		return scheme + "://…"
	})
	for _, part := range secrets(raw) {
		text = strings.ReplaceAll(text, part, "*****")
	}
	return &SendError{Text: text, cause: err}
}

// SendError is why something could not be sent, without what is secret.
type SendError struct {
	Text  string
	cause error
}

func (e *SendError) Error() string { return e.Text }

// Is matches what the error was made of.
func (e *SendError) Is(target error) bool { return errors.Is(e.cause, target) }

// secrets are the parts of a URL that may let somebody in, the longest first: all but
// the scheme, a host with a dot in it, and short words.
func secrets(raw string) []string {
	found := make(map[string]bool)
	add := func(part string) {
		if len(part) >= shortest {
			found[part] = true
		}
		if plain, err := url.PathUnescape(part); err == nil && len(plain) >= shortest {
			found[plain] = true
		}
		if escaped := url.QueryEscape(part); len(escaped) >= shortest {
			found[escaped] = true
		}
	}
	at, err := url.Parse(raw)
	if err != nil {
		for _, part := range strings.FieldsFunc(raw, func(r rune) bool { return strings.ContainsRune("/:@?&=+", r) }) {
			add(part)
		}
		return longestFirst(found)
	}
	if at.User != nil {
		add(at.User.Username())
		password, _ := at.User.Password()
		add(password)
	}
	if !strings.Contains(at.Hostname(), ".") && at.Hostname() != "localhost" { // a token or an id in a host's place
		add(at.Hostname())
	}
	for part := range strings.SplitSeq(at.EscapedPath(), "/") {
		add(part)
	}
	for _, values := range at.Query() {
		for _, v := range values {
			add(v)
		}
	}
	return longestFirst(found)
}

func longestFirst(found map[string]bool) []string {
	return slices.SortedFunc(maps.Keys(found), func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
}

// noService is the error of a scheme that nobody knows.
func noService(name string) error {
	return &AddressError{fmt.Sprintf("there is no service %q; there are: %s", name, strings.Join(Services(), ", "))}
}
