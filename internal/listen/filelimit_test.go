package listen

import (
	"testing"
)

func TestClampConnections(t *testing.T) {
	for _, tt := range []struct {
		want     int
		soft     uint64
		perMiner int
		clamped  int
	}{
		{10000, 65536, 2, 10000},
		{10000, 20000, 2, 9936},
		{10000, 1024, 1, 896},
		{10000, 1024, 2, 448},
		{100, 1024, 2, 100},
		{0, 1024, 2, 448},
		{10000, 0, 2, 10000},
		{10000, 64, 2, 1},
		{10000, 1 << 63, 2, 10000},
		{5, 1024, 0, 5},
	} {
		if got := ClampConnections(tt.want, tt.soft, tt.perMiner); got != tt.clamped {
			t.Errorf("ClampConnections(%d, %d, %d) = %d, want %d", tt.want, tt.soft, tt.perMiner, got, tt.clamped)
		}
	}
}
