// Package sink tells people, and other machines, of alerts.
//
// A sink is a URL: of a chat, a mailbox, a pager or a webhook, in the form that package
// shoutrrr has for it, which sends to all but Slack, Telegram and Discord; of a webhook
// that takes JSON; or of an Alertmanager. Each has a goroutine, a
// bounded queue and a pace of its own, so that one that is dead harms no other, and
// nobody waits for any: [Sinks.Tell] never blocks. What waits for a sink is put together
// into one message, of each alert the latest; what there is no room for is counted, and
// that is told, too. Who says when to be asked again is asked then, what only somebody can
// mend is tried seldom, and a message that a service does not like is told in other words.
//
// It does not know rules or silences: who tells has decided that it is to be told. An
// Alertmanager decides for itself: it is told all that fires, again and again.
//
// Invariants: no error and no log has a part of a URL in it that lets anybody in; a
// message is sent once, or given up aloud; a stop waits for no sink for longer than a
// moment.
package sink
