package train

import "time"

// OnWrite makes a run call f with false before it writes a checkpoint and with
// true after.
func OnWrite(c *Config, f func(path string, done bool)) { c.written = f }

// UseClock makes a run take the time from now.
func UseClock(c *Config, now func() time.Time) { c.clock = now }
