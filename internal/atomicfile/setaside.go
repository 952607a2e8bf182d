package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// SetAside renames a file that could not be read to path.bad, so that the next
// one does not overwrite it, and returns the new name. An earlier .bad is kept
// too, as .bad.1 and so on.
func SetAside(path string) (string, error) {
	aside := path + ".bad"
	for n := 1; ; n++ {
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return "", fmt.Errorf("set %s aside: %w", path, err)
		}
		aside = fmt.Sprintf("%s.bad.%d", path, n)
	}
	if err := os.Rename(path, aside); err != nil {
		return "", fmt.Errorf("set %s aside: %w", path, err)
	}
	return aside, nil
}
