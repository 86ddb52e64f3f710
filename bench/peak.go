package bench

// Peak is the most memory that this process ever had resident, in bytes; 0 where it cannot be
// told.
func Peak() int64 { return peakBytes() }
