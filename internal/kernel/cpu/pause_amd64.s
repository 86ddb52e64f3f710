//go:build !purego

#include "textflag.h"

// func pause()
// PAUSE tells the processor that this is a spin: it leaves the core to the
// other hardware thread meanwhile.
TEXT ·pause(SB), NOSPLIT, $0-0
	PAUSE
	RET
