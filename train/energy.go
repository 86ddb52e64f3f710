package train

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// powercap is where Linux shows the processor's energy counters (Intel's RAPL and
// AMD's). A folder intel-rapl:N is a package; its parts have one more colon.
const powercap = "/sys/class/powercap"

// An energyMeter remembers the counters at its start. A nil one measures nothing.
type energyMeter struct{ counters []counter }

type counter struct {
	path  string
	start float64 // µJ
	wraps float64 // µJ at which it begins again
}

// startEnergy returns nil where no counter can be read: most systems leave them to root.
func startEnergy() *energyMeter { return startEnergyIn(powercap) }

func startEnergyIn(dir string) *energyMeter {
	zones, _ := filepath.Glob(filepath.Join(dir, "intel-rapl:*"))
	var m energyMeter
	for _, z := range zones {
		if strings.Count(filepath.Base(z), ":") > 1 {
			continue // a part of a package, counted in it
		}
		c := counter{path: filepath.Join(z, "energy_uj")}
		var ok, wraps bool
		c.start, ok = microjoules(c.path)
		c.wraps, wraps = microjoules(filepath.Join(z, "max_energy_range_uj"))
		if !ok || !wraps {
			return nil // a sum that lacks a package would be wrong
		}
		m.counters = append(m.counters, c)
	}
	if len(m.counters) == 0 {
		return nil
	}
	return &m
}

// joules returns the energy since the start, 0 where it cannot be known.
func (m *energyMeter) joules() float64 {
	if m == nil {
		return 0
	}
	sum := 0.0
	for _, c := range m.counters {
		now, ok := microjoules(c.path)
		if !ok {
			return 0
		}
		if now < c.start {
			now += c.wraps
		}
		sum += now - c.start
	}
	return sum / 1e6
}

func microjoules(path string) (float64, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(string(b)), 64)
	return x, err == nil
}
