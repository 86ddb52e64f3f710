package main

import (
	"time"

	"github.com/spf13/cobra"
)

// grace is how long a verb may go on after Ctrl-C. What looks at its context
// ends sooner; a read from a terminal, or merges that are learned, do not.
const grace = 500 * time.Millisecond

// stoppable makes Ctrl-C end a verb within [grace]. It is for verbs whose files
// appear whole or not at all; a training writes a checkpoint first, in its own time.
func stoppable(c *cobra.Command) *cobra.Command {
	run := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		ctx, done := c.Context(), make(chan error, 1)
		go func() { done <- run(c, args) }()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
		}
		select {
		case err := <-done:
			return err
		case <-time.After(grace):
			return ctx.Err()
		}
	}
	return c
}
