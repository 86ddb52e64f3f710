package corpus

// Order is the order in which a run goes through n items, again and again: each once in an
// epoch, in an order of its own. It is a function of the seed and the number, so it needs no memory
// and a run that resumes finds its place.
type Order struct {
	N    int
	Seed uint64
}

// At is the item that comes at place i, counted over all epochs.
func (o Order) At(i int) int {
	epoch, place := i/o.N, i%o.N
	return int(permute(uint64(place), uint64(o.N), scramble(o.Seed^scramble(uint64(epoch)+1))))
}
