package generate

import "testing"

// TestPickHasWeight: where rounding leaves something of the sum behind the last candidate, the last that has a weight is
// drawn, not one that a low temperature left none.
func TestPickHasWeight(t *testing.T) {
	d := distribution{[]candidate{{id: 4, p: 0.1}, {id: 5, p: 0.2}, {id: 6}}, 0.1 + 0.2}
	if id := d.pick(1); id != 5 {
		t.Errorf("token %d, want 5", id)
	}
}
