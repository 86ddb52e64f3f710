package hub

import "time"

// Hurry lets tests wait for less between attempts, and for bytes that do not come.
func (c *Client) Hurry(pause, stall time.Duration) { c.pause, c.stall = pause, stall }
