package train

// OnWrite makes a run call f with false before it writes a checkpoint and with
// true after.
func OnWrite(c *Config, f func(path string, done bool)) { c.written = f }
