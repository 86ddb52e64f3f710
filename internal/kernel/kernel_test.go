package kernel_test

import (
	"math"
	"reflect"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/kernel"
)

// TestPhilox has the known answers that the authors publish with their code.
func TestPhilox(t *testing.T) {
	tests := []struct {
		key, block uint64
		want       [4]uint32
	}{
		{0, 0, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
	}
	for _, tt := range tests {
		if got := kernel.Philox(tt.key, tt.block); got != tt.want {
			t.Errorf("Philox(%#x, %#x) = %#x, want %#x", tt.key, tt.block, got, tt.want)
		}
	}
	pi := kernel.PhiloxWords([4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0)
	if want := [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}; pi != want {
		t.Errorf("Philox of the digits of π = %#x, want %#x", pi, want)
	}
}

func TestRandomMoments(t *testing.T) {
	const n = 200000
	var u, z, zz, zzzz float64
	normals := make([]float32, n)
	kernel.Normals(normals[:1001], 7, 0)
	kernel.Normals(normals[1000:], 7, 1000) // the same numbers from wherever one begins
	for i := range uint64(n) {
		x, y := float64(kernel.Uniform(7, i)), float64(normals[i])
		if x < 0 || x >= 1 {
			t.Fatalf("Uniform(7, %d) = %v", i, x)
		}
		u, z, zz, zzzz = u+x/n, z+y/n, zz+y*y/n, zzzz+y*y*y*y/n
	}
	// Five standard errors each.
	for _, tt := range []struct {
		name             string
		got, want, sigma float64
	}{
		{"uniform mean", u, 0.5, math.Sqrt(1.0 / 12 / n)},
		{"normal mean", z, 0, math.Sqrt(1.0 / n)},
		{"normal variance", zz, 1, math.Sqrt(2.0 / n)},
		{"normal fourth moment", zzzz, 3, math.Sqrt(96.0 / n)},
	} {
		if math.Abs(tt.got-tt.want) > 5*tt.sigma {
			t.Errorf("%s: got %v, want %v ± %v", tt.name, tt.got, tt.want, 5*tt.sigma)
		}
	}
}

// TestHalfRoundTrip widens every half and narrows it again; NaNs only stay NaNs.
func TestHalfRoundTrip(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		if x := kernel.FromBF16(h); x == x && kernel.ToBF16(x) != h {
			t.Fatalf("bf16 %#x widens to %v and narrows to %#x", h, x, kernel.ToBF16(x))
		} else if x != x && kernel.FromBF16(kernel.ToBF16(x)) == kernel.FromBF16(kernel.ToBF16(x)) {
			t.Fatalf("bf16 NaN %#x becomes a number", h)
		}
		if x := kernel.FromF16(h); x == x && kernel.ToF16(x) != h {
			t.Fatalf("f16 %#x widens to %v and narrows to %#x", h, x, kernel.ToF16(x))
		} else if y := kernel.FromF16(kernel.ToF16(x)); x != x && y == y {
			t.Fatalf("f16 NaN %#x becomes a number", h)
		}
	}
}

// TestHalfRounding takes the middle between each two neighbours, which must go
// to the even one, and the floats beside the middle, which must not.
func TestHalfRounding(t *testing.T) {
	formats := []struct {
		name string
		from func(uint16) float32
		to   func(float32) uint16
		inf  uint16
	}{
		{"bf16", kernel.FromBF16, kernel.ToBF16, 0x7f80},
		{"f16", kernel.FromF16, kernel.ToF16, 0x7c00},
	}
	for _, f := range formats {
		for h := uint16(0); h+1 < f.inf; h++ {
			mid := (float64(f.from(h)) + float64(f.from(h+1))) / 2
			m := float32(mid)
			even := h + h&1
			for _, tt := range []struct {
				x    float32
				want uint16
			}{{m, even}, {math.Nextafter32(m, 0), h}, {math.Nextafter32(m, math.MaxFloat32), h + 1}, {-m, even | 0x8000}} {
				if float64(m) != mid { // below float32's own subnormals there is no middle
					continue
				}
				if got := f.to(tt.x); got != tt.want {
					t.Fatalf("%s: %v becomes %#x, want %#x", f.name, tt.x, got, tt.want)
				}
			}
		}
	}
	for x, want := range map[float32]uint16{65519.996: 0x7bff, 65520: 0x7c00, 1e30: 0x7c00, -65520: 0xfc00} {
		if got := kernel.ToF16(x); got != want {
			t.Errorf("f16: %v becomes %#x, want %#x", x, got, want)
		}
	}
}

// TestDeviceSize keeps the interface small: a device is written by hand for
// every kind of machine.
func TestDeviceSize(t *testing.T) {
	const most = 50
	if n := reflect.TypeFor[kernel.Device]().NumMethod(); n > most {
		t.Errorf("Device has %d methods, want at most %d", n, most)
	}
}
