package sink

import (
	"cmp"
	"context"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/discord"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/slack"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/telegram"

	"github.com/loka/stratum/internal/alert"
)

// The chats that are spoken to here. Their URLs are package shoutrrr's, and it could send
// to them, too; but of a Telegram that it did not reach it says that all is well, of a
// message to Discord with more than ten lines it sends some twice and others never, it
// sends to Discord again behind our back, and none of it can be told to stop.
const (
	slackScheme    = "slack"
	telegramScheme = "telegram"
	discordScheme  = "discord"
)

// discordTitle bounds a title, in bytes; Discord takes 256 characters.
const discordTitle = 250

// Where they are.
const (
	slackPost    = "https://slack.com/api/chat.postMessage"
	telegramBots = "https://api.telegram.org/bot"
	discordHooks = discord.HooksBaseURL
)

// chat is a service that takes JSON by HTTPS.
type chat struct {
	client    *http.Client
	url, auth string
	body      func(m *message) any
	// verdict says what an answer means.
	verdict func(a *answer) error
}

func (c *chat) send(ctx context.Context, m *message) error {
	a, err := exchange(ctx, c.client, c.url, c.auth, c.body(m))
	if err != nil {
		return err
	}
	return c.verdict(a)
}

func (*chat) stuck() bool { return false }

// newChat makes the sender of one of the chats' URLs.
func newChat(name string, at *url.URL, client *http.Client) (sender, error) {
	switch name {
	case slackScheme:
		return newSlack(at, client)
	case telegramScheme:
		return newTelegram(at, client)
	}
	return newDiscord(at, client)
}

// color is how bad it is: of nothing, it is fine.
func color(m *message) string {
	if m.test {
		return "#439fe0"
	}
	over := true
	for i := range m.notices {
		over = over && m.notices[i].State == alert.Resolved
	}
	switch worst := m.worst(); {
	case over:
		return "#2eb67d"
	case worst == alert.Critical:
		return "#d60510"
	case worst == alert.Warning:
		return "#ffc441"
	}
	return "#439fe0"
}

// slackBody is what Slack takes, by a webhook or by its API.
type slackBody struct {
	Channel     string        `json:"channel,omitempty"`
	Username    string        `json:"username,omitempty"`
	IconEmoji   string        `json:"icon_emoji,omitempty"`
	IconURL     string        `json:"icon_url,omitempty"`
	ThreadTS    string        `json:"thread_ts,omitempty"`
	Text        string        `json:"text"`
	Markdown    bool          `json:"mrkdwn"`
	Attachments []slackDetail `json:"attachments"`
}

type slackDetail struct {
	Fallback string `json:"fallback"`
	Text     string `json:"text"`
	Color    string `json:"color"`
}

func newSlack(at *url.URL, client *http.Client) (sender, error) {
	var cfg slack.Config
	if err := cfg.SetURL(at); err != nil {
		return nil, err
	}
	body := func(m *message) any {
		b := slackBody{
			Username: cfg.BotName, ThreadTS: cfg.ThreadTS, Text: slackText(m.title()),
			Attachments: []slackDetail{{Fallback: slackText(m.title()), Text: slackText(m.text()), Color: cmp.Or(cfg.Color, color(m))}},
		}
		if cfg.Channel != "webhook" {
			b.Channel = cfg.Channel
		}
		if strings.Contains(cfg.Icon, "://") {
			b.IconURL = cfg.Icon
		} else {
			b.IconEmoji = cfg.Icon
		}
		return b
	}
	if cfg.Token.IsAPIToken() {
		return &chat{client, slackPost, cfg.Token.Authorization(), body, slackVerdict}, nil
	}
	return &chat{client, cfg.Token.WebhookURL(), "", body, success}, nil
}

// slackText keeps a worker's name from calling the whole channel, or being a link to
// anywhere.
func slackText(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// slackVerdict reads what Slack's API says, which is mostly with a status of 200.
func slackVerdict(a *answer) error {
	var said struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(a.body, &said); err != nil || a.code/100 != 2 {
		return a.refused(string(a.body))
	}
	if said.OK {
		return nil
	}
	e := &refusal{said: "says " + said.Error, kind: lasting, after: a.retryAfter()}
	switch said.Error {
	case "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org":
		e.kind = passing
	case "msg_too_long", "no_text", "too_many_attachments", "invalid_arguments", "invalid_attachments", "invalid_json":
		e.kind = unfit
	}
	return e
}

// telegramBody is a call of sendMessage.
type telegramBody struct {
	Chat      string `json:"chat_id"`
	Thread    int    `json:"message_thread_id,omitempty"`
	Text      string `json:"text"`
	ParseMode string `json:"parse_mode"`
	NoPreview bool   `json:"disable_web_page_preview"`
	Silent    bool   `json:"disable_notification"`
}

func newTelegram(at *url.URL, client *http.Client) (sender, error) {
	cfg := telegram.Config{Preview: true, Notification: true} // as they are where the URL does not say
	if err := cfg.SetURL(at); err != nil {
		return nil, err
	}
	if len(cfg.Chats) == 0 {
		return nil, telegram.ErrNoChannelsDefined
	}
	all := make([]sender, 0, len(cfg.Chats))
	for _, name := range cfg.Chats {
		id, topic, _ := strings.Cut(name, ":")
		thread, _ := strconv.Atoi(topic) // 0 is none
		all = append(all, &chat{client, telegramBots + cfg.Token + "/sendMessage", "", func(m *message) any {
			return telegramBody{
				Chat: id, Thread: thread, ParseMode: "HTML", NoPreview: !cfg.Preview, Silent: !cfg.Notification,
				Text: "<b>" + html.EscapeString(m.title()) + "</b>\n" + html.EscapeString(m.text()),
			}
		}, telegramVerdict})
	}
	return severally(all), nil
}

// telegramVerdict reads what Telegram says: what is no JSON of it is not its word, and no
// success.
func telegramVerdict(a *answer) error {
	var said struct {
		OK          bool   `json:"ok"`
		Description string `json:"description"`
		Parameters  struct {
			RetryAfter float64 `json:"retry_after"`
		} `json:"parameters"`
	}
	if err := json.Unmarshal(a.body, &said); err != nil {
		return a.refused(string(a.body))
	}
	if said.OK && a.code/100 == 2 {
		return nil
	}
	e := a.refused(said.Description)
	if wait := seconds(said.Parameters.RetryAfter); wait > 0 {
		e.after = wait
	}
	return e
}

// discordBody is a webhook's message.
type discordBody struct {
	Username string         `json:"username,omitempty"`
	Avatar   string         `json:"avatar_url,omitempty"`
	Embeds   []discordEmbed `json:"embeds"`
	Mentions discordNobody  `json:"allowed_mentions"`
}

type discordEmbed struct {
	Title string `json:"title"`
	Text  string `json:"description"`
	Color int64  `json:"color"`
}

// discordNobody is who may be called by it.
type discordNobody struct {
	Parse []string `json:"parse"`
}

func newDiscord(at *url.URL, client *http.Client) (sender, error) {
	var cfg discord.Config
	if err := cfg.SetURL(at); err != nil {
		return nil, err
	}
	to, err := url.Parse(discordHooks + "/" + url.PathEscape(strings.TrimSpace(cfg.WebhookID)) + "/" + url.PathEscape(strings.TrimSpace(cfg.Token)))
	if err != nil {
		return nil, err
	}
	if cfg.ThreadID != "" {
		to.RawQuery = url.Values{"thread_id": {cfg.ThreadID}}.Encode()
	}
	return &chat{client, to.String(), "", func(m *message) any {
		rgb, _ := strconv.ParseInt(color(m)[1:], 16, 32) // one of ours
		return discordBody{
			Username: cfg.Username, Avatar: cfg.Avatar, Mentions: discordNobody{Parse: []string{}},
			Embeds: []discordEmbed{{Title: cut(discordText(m.title()), discordTitle), Text: discordText(m.text()), Color: rgb}},
		}
	}, success}, nil
}

// discordText keeps a worker's name from being a link that says another thing than where
// it goes to, and from hiding what comes after it.
func discordText(text string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, "*", `\*`, "~", `\~`, "|", `\|`, "`", "\\`").Replace(text)
}
