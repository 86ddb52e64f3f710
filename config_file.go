package inkstone

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// readConfig reads a config file into settings: one JSON object, whose keys all exist.
func readConfig(path string, settings any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(settings); err != nil {
		return fmt.Errorf("config: %s: %w", path, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("config: %s: more than one JSON value", path)
	}
	return nil
}

// configError names the config file where there is one.
func configError(file, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if file != "" {
		return fmt.Errorf("config: %s: %w", file, err)
	}
	return fmt.Errorf("config: %w", err)
}
