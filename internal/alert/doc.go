// Package alert says what is wrong on the farm: rules over its facts, and what became
// of each of them for each thing that it is about.
//
// A [Rule] is a condition in CEL over one kind of [Facts] (a pool, a route, a worker …)
// with its severity, how long it has to hold, and the message. [Compile] checks it
// whole: types, cost and template, so that a mistake is found when the configuration
// is read. An [Engine] is told the facts every few seconds and says which alerts
// began, which are over, and which of both is to be told to people: neither what is
// silenced, nor what comes and goes again and again.
//
// It does not know where facts come from, who is told, or what the time is. It does no
// I/O and is no place to wait.
//
// Invariants: an alert is told as over if and only if the same engine has told it as
// firing; within any hour an alert is told a bounded number of times, whatever its facts
// do; what one evaluation costs is bounded by the rule's text and the facts' number.
package alert
