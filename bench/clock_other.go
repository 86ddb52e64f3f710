//go:build !linux

package bench

import "time"

const threadTimes = false

func threadClock() time.Duration { return wallClock() }
