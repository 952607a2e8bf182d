package app

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/loka/stratum/internal/atomicfile"
)

// instanceName is the configured name or, where there is none, a random one
// that is kept in the data directory.
func instanceName(configured, dataDir string) (string, error) {
	if configured != "" {
		return configured, nil
	}
	path := filepath.Join(dataDir, "instance")
	data, err := os.ReadFile(path) //nolint:gosec // the operator's own directory
	if err == nil {
		if name := strings.TrimSpace(string(data)); name != "" {
			return name, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("data_dir: read the instance's name: %w", err)
	}
	var b [4]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	name := "loka-" + hex.EncodeToString(b[:])
	// Whole or not at all: shares are kept under it.
	if err := atomicfile.Write(path, []byte(name+"\n")); err != nil {
		return "", fmt.Errorf("data_dir: keep the instance's name: %w", err)
	}
	return name, nil
}
