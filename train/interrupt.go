package train

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Interruptible returns a context that ends at the first interrupt (Ctrl-C) or
// request to terminate, so that [Run] writes a checkpoint and stops. The second ends
// the process at once, as if nobody listened: a checkpoint that is being written then
// leaves the earlier ones as they were. stop ends the listening.
func Interruptible(parent context.Context) (ctx context.Context, stop func()) {
	ctx, stop = signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
