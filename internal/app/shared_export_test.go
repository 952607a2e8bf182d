package app

import "github.com/loka/stratum/internal/hub"

// Hub shows the hub of an app to tests: what it knows and no reader is shown.
func (a *App) Hub() *hub.Hub { return a.hub }
