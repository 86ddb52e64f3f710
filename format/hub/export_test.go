package hub

import "time"

// RetryAfter reads how long a server wants us to wait.
var RetryAfter = retryAfter

// Hurry lets tests wait for less between attempts, and for bytes that do not come.
func (c *Client) Hurry(pause, stall time.Duration) { c.pause, c.stall = pause, stall }
