// Package top is `loka top`: a running proxy in a terminal, live. It has an overview,
// and workers, pools, connections, events and alerts as tables; the long ones are sorted
// and searched by the proxy itself, so that ten thousand workers are as quick as ten.
//
// It knows a proxy by the API's client alone, and a terminal by bubbletea.
//
// Invariants: nothing is changed without a key that says yes; whatever others have sent
// is shown without anything that steers a terminal; a proxy that is gone is told, what
// was known stays on the screen with its age, and it is asked again by itself; at most
// one question of a kind is under way at a time.
package top
