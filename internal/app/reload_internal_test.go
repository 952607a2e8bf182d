package app

import (
	"reflect"
	"testing"

	"github.com/loka/stratum/internal/config"
)

// The running program keeps of its start what a reload says that it keeps, and nothing else.
func TestFollowingKeepsWhatNeedsARestart(t *testing.T) {
	now, next := config.Defaults(), config.Defaults()
	next.DataDir, next.Instance, next.HTTP.Listen, next.HTTP.RateBurst, next.Access.Mode = "other", "other", "127.0.0.1:1", 7, config.AccessAllow
	storage := reflect.ValueOf(&next.Storage).Elem()
	for i := range storage.NumField() {
		switch field := storage.Field(i); {
		case field.CanInt():
			field.SetInt(field.Int() + 1)
		case field.Kind() == reflect.Bool:
			field.SetBool(!field.Bool())
		case field.Kind() == reflect.String:
			field.SetString("postgres://other")
		default:
			t.Errorf("how is %s set?", storage.Type().Field(i).Name)
		}
	}
	changes := config.Diff(&now, &next)
	want := restartsOf(changes)
	if got := restartsOf(config.Diff(following(&now, &next), &next)); len(want) != 3+storage.NumField() || !reflect.DeepEqual(got, want) {
		t.Errorf("it keeps %q, and says %q", got, want)
	}
	if followed := config.Diff(&now, following(&now, &next)); len(followed) != len(changes)-len(want) || len(followed) == 0 {
		t.Errorf("it follows %+v of %+v", followed, changes)
	}
}
