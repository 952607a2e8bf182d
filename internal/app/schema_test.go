package app_test

import (
	"strings"
	"testing"

	"github.com/loka/stratum/internal/app"
)

// What the driver of PostgreSQL does not take is known without a server, and is told
// without the password.
func TestCheckDatabase(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://u:hunter2@h:5432/db?sslmode=require":                 "",
		"postgresql:///db?host=/var/run/postgresql&password=hunter2":     "",
		"postgres://u:hunter2@h:99999999/db":                             "invalid port",
		"postgres://u:hunter2@h/db?sslmode=perhaps":                      "sslmode is invalid",
		"postgres://u:hunter2@h/db?pool_max_conns=many&password=hunter2": "cannot parse pool_max_conns",
		"postgres://u:hunter2@h/db?connect_timeout=-1":                   "connect_timeout",
		"postgres://u:hunter2@h/db?sslmode=no&sslpassword=hunter2":       "sslmode is invalid",
	} {
		err := app.CheckDatabase(url)
		if (err == nil) != (want == "") {
			t.Errorf("%s: %v", url, err)
		}
		if err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
