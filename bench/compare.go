package bench

import (
	"encoding/json"
	"fmt"
	"os"
)

// Read returns a report that was written as JSON.
func Read(path string) (Report, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Report{}, fmt.Errorf("bench: %w", err)
	}
	var r Report
	if err := json.Unmarshal(b, &r); err != nil {
		return Report{}, fmt.Errorf("bench: %s: %w", path, err)
	}
	if len(r.Rows) == 0 {
		return Report{}, fmt.Errorf("bench: %s: no rows: it is not a report of 'inkstone bench --json'", path)
	}
	return r, nil
}

// Speedup returns how many times faster the row is than the one of its name in
// old; false where old has none.
func (r Row) Speedup(old Report) (float64, bool) {
	for _, o := range old.Rows {
		if o.Name != r.Name || o.Unit != r.Unit || o.Median <= 0 || r.Median <= 0 {
			continue
		}
		if r.Unit == "ns" {
			return o.Median / r.Median, true
		}
		return r.Median / o.Median, true
	}
	return 0, false
}
