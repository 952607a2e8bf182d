package sim

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/loka/stratum/work"
)

// Rejections counts shares by error code.
type Rejections map[int]uint64

// MarshalJSON is an object by code, empty where there are none.
func (r Rejections) MarshalJSON() ([]byte, error) {
	if r == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(map[int]uint64(r))
}

// wireWords are the fields that have a form of their own on the wire.
type wireWords struct {
	VersionMask string `json:"version_mask"`
	Extranonce1 string `json:"extranonce1"`
}

func wireWordsOf(mask work.VersionMask, en work.Extranonce) wireWords {
	return wireWords{VersionMask: mask.String(), Extranonce1: en.String()}
}

func (w wireWords) parse() (mask work.VersionMask, en work.Extranonce, err error) {
	if mask, err = work.ParseVersionMask([]byte(w.VersionMask)); err != nil {
		return 0, en, fmt.Errorf("version_mask: %w", err)
	}
	if en, err = work.ParseExtranonce([]byte(w.Extranonce1)); err != nil {
		return 0, en, fmt.Errorf("extranonce1: %w", err)
	}
	return mask, en, nil
}

type (
	plainMinerStats MinerStats
	minerStatsJSON  struct {
		plainMinerStats
		wireWords

		JobAgeSeconds float64 `json:"job_age_seconds"`
	}
)

// MarshalJSON has mask and extranonce as they are on the wire.
func (s MinerStats) MarshalJSON() ([]byte, error) {
	return json.Marshal(minerStatsJSON{plainMinerStats(s), wireWordsOf(s.VersionMask, s.Extranonce1), s.JobAge.Seconds()})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *MinerStats) UnmarshalJSON(text []byte) error {
	var in minerStatsJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	mask, en, err := in.parse()
	if err != nil {
		return err
	}
	*s = MinerStats(in.plainMinerStats)
	s.VersionMask, s.Extranonce1 = mask, en
	s.JobAge = time.Duration(in.JobAgeSeconds * float64(time.Second))
	return nil
}

type (
	plainPoolConn PoolConn
	poolConnJSON  struct {
		plainPoolConn
		wireWords
	}
)

// MarshalJSON has mask and extranonce as they are on the wire.
func (c PoolConn) MarshalJSON() ([]byte, error) {
	return json.Marshal(poolConnJSON{plainPoolConn(c), wireWordsOf(c.VersionMask, c.Extranonce1)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *PoolConn) UnmarshalJSON(text []byte) error {
	var in poolConnJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	mask, en, err := in.parse()
	if err != nil {
		return err
	}
	*c = PoolConn(in.plainPoolConn)
	c.VersionMask, c.Extranonce1 = mask, en
	return nil
}
