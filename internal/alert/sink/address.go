package sink

import (
	"cmp"
	"errors"
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
// all of other URLs but their scheme. It is cut only then: half a secret is not known
// for one.
func scrub(err error, raw string) *SendError {
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
	e := &SendError{Text: cut(text, longestWord), cause: err}
	if said := e.refusal(); said != nil && said.kind == lasting {
		e.Text += "; that does not mend itself: look at the sink's url, and at what it lets in"
	}
	return e
}

// SendError is why something could not be sent, without what is secret.
type SendError struct {
	Text  string
	cause error
}

// refusal is what the service has said, where it was reached.
func (e *SendError) refusal() *refusal {
	said, _ := errors.AsType[*refusal](e.cause)
	return said
}

// partial says that some have it.
func (e *SendError) partial() bool {
	_, ok := errors.AsType[*partialError](e.cause)
	return ok
}

func (e *SendError) Error() string { return e.Text }

// Is matches what the error was made of.
func (e *SendError) Is(target error) bool { return errors.Is(e.cause, target) }

// secrets are the parts of a URL that may let somebody in, the longest first: all but
// the scheme, a host with a dot in it, and short words.
func secrets(raw string) []string {
	found := make(map[string]bool)
	for _, part := range portions(raw) {
		plain, err := url.PathUnescape(part)
		if err != nil {
			plain = part
		}
		for _, form := range [...]string{part, plain, url.QueryEscape(part)} {
			if len(form) >= shortest {
				found[form] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b))
	})
}

// portions are the parts of a URL, and the parts of those that are tokens of Slack's.
func portions(raw string) (all []string) {
	at, err := url.Parse(raw)
	if err != nil {
		return pieces(raw, "/:@?&=+")
	}
	if at.User != nil {
		password, _ := at.User.Password()
		all = append(all, at.User.Username(), password)
		all = append(all, pieces(at.User.Username(), "-:,/")...)
		all = append(all, pieces(password, "-:,/")...)
	}
	if !strings.Contains(at.Hostname(), ".") && at.Hostname() != "localhost" { // a token or an id in a host's place
		all = append(all, at.Hostname())
	}
	all = append(all, strings.Split(at.EscapedPath(), "/")...)
	for _, values := range at.Query() {
		all = append(all, values...)
	}
	return all
}

// pieces are what stands between any of some characters.
func pieces(text, between string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(between, r) })
}

// noService is the error of a URL whose scheme nobody knows. What stands in its place is not
// told: of a URL that was written without one it is the secret.
func noService() error {
	return &AddressError{"there is no such service; the URL begins with one of these and a colon: " + strings.Join(Services(), ", ")}
}
