package config

import (
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	text := "instance = \"x\"\n[[pool]]\nname = \"main\"\nurl = \"pool.example.com:1\"\nusername = \"acct\"\npassword = \"not-to-be-seen\"\n"
	env := map[string]string{"LOKA_HTTP_LISTEN": "127.0.0.1:1"}
	c, problems := Load([]byte(text), "loka.toml", Options{
		Env:      func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		EnvNames: []string{"LOKA_HTTP_LISTEN"}, Flags: Flags{User: "other"},
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	got := make(map[string]Setting)
	for _, s := range Settings(c) {
		got[s.Key] = s
		if strings.Contains(s.Value, "not-to-be-seen") {
			t.Errorf("%s shows a secret", s.Key)
		}
	}
	for key, want := range map[string]Setting{
		"instance":            {Value: `"x"`},
		"http.listen":         {Value: `"127.0.0.1:1"`, Override: "LOKA_HTTP_LISTEN"},
		"pool[main].username": {Value: `"other"`, Override: "--user"},
		"pool[main].password": {Value: `"***"`},
		"storage.keep_shares": {Value: `"48h"`, Usual: true},
	} {
		want.Key = key
		if got[key] != want {
			t.Errorf("%+v, want %+v", got[key], want)
		}
	}
	if len(got) < 60 {
		t.Errorf("%d keys", len(got))
	}
}
