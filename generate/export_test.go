package generate

// SavePages is the last step of SavePrompt, which a Close may come before.
func SavePages(e *Engine, path string, ids []int32) error { return e.savePages(path, e.print, ids) }

// Running is how many sequences have slots.
func Running(e *Engine) int { return len(e.running) }
