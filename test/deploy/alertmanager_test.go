package deploy

import (
	"path/filepath"
	"strings"
	"testing"
)

// Alertmanager takes the file.
func TestAlertmanagerIsRight(t *testing.T) {
	t.Parallel()
	said(t, filepath.Join(folder, "alertmanager"), amtool(t), "check-config", "alertmanager.yml")
}

// Each severity that an alert has goes to somebody, and somebody is woken by one only.
func TestAlertmanagerRoutes(t *testing.T) {
	t.Parallel()
	tool := amtool(t)
	to := map[string]string{"critical": "night", "warning": "day", "info": "record"}
	for _, r := range alerts(t) {
		if to[r.Labels["severity"]] == "" {
			t.Errorf("%s: severity %q goes to nobody in particular", r.Alert, r.Labels["severity"])
		}
	}
	for severity, receiver := range to {
		out := said(t, filepath.Join(folder, "alertmanager"), tool, "config", "routes", "test", "--config.file=alertmanager.yml",
			"severity="+severity, "alertname=LokaPoolDown", "instance=127.0.0.1:9090")
		lines := strings.Fields(strings.TrimSpace(out))
		if len(lines) == 0 || lines[len(lines)-1] != receiver {
			t.Errorf("%s goes to %q", severity, out)
		}
	}
}

// What inhibits and is inhibited are alerts that there are.
func TestAlertmanagerNamesAlerts(t *testing.T) {
	t.Parallel()
	there := make(map[string]bool)
	for _, r := range alerts(t) {
		there[r.Alert] = true
	}
	named := 0
	for _, word := range strings.FieldsFunc(string(read(t, "alertmanager", "alertmanager.yml")), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) {
		if !strings.HasPrefix(word, "Loka") || word == "Loka" {
			continue
		}
		named++
		if !there[word] {
			t.Errorf("%s is no alert", word)
		}
	}
	if named < 8 {
		t.Errorf("%d alerts are named", named)
	}
}
