package fusion_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/inkstone-ai/inkstone/internal/testkit"
	"github.com/inkstone-ai/inkstone/model/fusion"
	"github.com/inkstone-ai/inkstone/nn"
	"github.com/inkstone-ai/inkstone/tensor"
)

func tiny(way string) fusion.Config {
	c := fusion.Config{Fusion: way, Classes: []string{"a", "b", "c"}, EncoderConfig: fusion.EncoderConfig{
		Size: [2]int{6, 5}, EarConfig: fusion.EarConfig{Rate: 8000, Frames: 7, Mels: 4}, Characters: "abc", Letters: 3, Widths: []int{2, 3}, Width: 4,
	}}
	if way == "attention" {
		c.Heads = 2
	}
	return c
}

func build(t *testing.T, d *tensor.Device, c fusion.Config) *fusion.Fusion {
	t.Helper()
	m, err := fusion.New(c)
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 5)
	return m
}

func examples(B int) *fusion.Input {
	in := &fusion.Input{}
	for i := range B * 30 {
		in.Pictures = append(in.Pictures, float32(i*7%11)/11)
	}
	for i := range B * 28 {
		in.Sounds = append(in.Sounds, float32(i*5%13)/6-1)
	}
	in.Names = []string{"ab", "c", "bbbbb", "xa"}[:B]
	return in
}

// TestAbsent: of a modality that is absent no value matters, whatever the way; of one that is there
// it does; what stands beside an example in the batch does not.
func TestAbsent(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	for _, way := range fusion.Ways() {
		m := build(t, d, tiny(way))
		say := func(in *fusion.Input, sets ...fusion.Set) []float32 {
			in.Present = sets
			s.Begin(0)
			return m.Logits(s, in, false).Floats()
		}
		for _, at := range fusion.All.List() {
			left := fusion.All &^ fusion.SetOf(at)
			in, other := examples(2), examples(2)
			switch at {
			case fusion.Picture:
				clear(other.Pictures)
			case fusion.Sound:
				clear(other.Sounds)
			default:
				other.Names = []string{"", "acacacaca"}
			}
			testkit.SameBits(t, way+" without "+at.String(), say(in, left, left), say(other, left, left))
			if a, b := say(in, fusion.All, fusion.All), say(other, fusion.All, fusion.All); slices.Equal(a, b) {
				t.Errorf("%s: the %s does not matter", way, at)
			}
		}
		capital := examples(2)
		capital.Names = []string{"AB", "C"}
		testkit.SameBits(t, way+" in capitals", say(capital, fusion.All, fusion.All), say(examples(2), fusion.All, fusion.All))
		in := examples(4)
		all := say(in, fusion.All, fusion.SetOf(fusion.Name), fusion.SetOf(fusion.Picture, fusion.Sound), fusion.SetOf(fusion.Sound))
		for b := range 4 {
			one := &fusion.Input{Pictures: in.Pictures[b*30 : (b+1)*30], Sounds: in.Sounds[b*28 : (b+1)*28], Names: in.Names[b : b+1]}
			testkit.Close(t, way+" alone", say(one, in.Present[b]), all[b*3:(b+1)*3], 1e-5, 1e-6)
		}
		sets := []fusion.Set{fusion.All, fusion.SetOf(fusion.Sound)}
		s.Begin(0)
		var each [][]float32
		for _, z := range m.Each(s, in, sets) {
			each = append(each, z.Floats())
		}
		for i, got := range each {
			testkit.SameBits(t, way+" each", got, say(in, slices.Repeat(sets[i:i+1], 4)...))
		}
	}
}

// TestFewerModalities: a model of some has the weights of those alone.
func TestFewerModalities(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	c := tiny("gated")
	c.Modalities = []string{"name"}
	m := build(t, d, c)
	for _, p := range nn.Params(m) {
		if strings.HasPrefix(p.Name, "picture") || strings.HasPrefix(p.Name, "sound") {
			t.Errorf("a model of names has the weight %s", p.Name)
		}
	}
	if m.Ear() != nil || m.Modalities() != fusion.SetOf(fusion.Name) {
		t.Errorf("modalities %s", m.Modalities())
	}
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	if z := m.Logits(s, &fusion.Input{Names: []string{"ab"}}, false); z.Dim(0) != 1 || z.Dim(1) != 3 {
		t.Errorf("logits %v", z.Shape())
	}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(r.(string), "example 0 has none of the model's modalities, name") {
			t.Errorf("panic %v", r)
		}
	}()
	m.Logits(s, &fusion.Input{Names: []string{"ab"}, Present: []fusion.Set{fusion.SetOf(fusion.Sound)}}, false)
}

// TestListen: neither loudness nor length changes the size, the mean or the variance; of a tone that
// rises, the loudest filter does.
func TestListen(t *testing.T) {
	ear, err := fusion.NewEar(fusion.EarConfig{Rate: 8000, Frames: 16, Mels: 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{50, 200, 3000, 20000} {
		x := make([]float32, n)
		for i := range x {
			at := float64(i) / 8000
			x[i] = float32(0.3 * math.Sin(2*math.Pi*(500*at+500*at*at*8000/float64(n)))) // 500 Hz and more
		}
		y := ear.Listen(nil, x)
		sum, squares := 0.0, 0.0
		for _, v := range y {
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
		if len(y) != 16*20 || math.Abs(sum) > 1e-2 || math.Abs(squares/320-1) > 1e-3 {
			t.Errorf("%d samples: %d numbers, sum %g, squares %g", n, len(y), sum, squares/320)
		}
		if n < 3000 {
			continue
		}
		loudest := func(t int) (best int) {
			for f, v := range y[t*20 : (t+1)*20] {
				if v > y[t*20+best] {
					best = f
				}
			}
			return best
		}
		if loudest(1) >= loudest(14) {
			t.Errorf("%d samples: filter %d is loudest at first, %d at last", n, loudest(1), loudest(14))
		}
	}
	if y := ear.Listen([]float32{7}, nil); len(y) != 321 || y[0] != 7 || slices.Max(y[1:]) != 0 {
		t.Errorf("of nothing: %d numbers", len(y))
	}
}

// TestPairLoss: vectors that agree within things and differ between them have next to no loss, all
// alike that of guessing.
func TestPairLoss(t *testing.T) {
	d := tensor.CPU(1)
	defer d.Close()
	c := tiny("")
	m, err := fusion.NewPair(fusion.PairConfig{Space: 3, Classes: c.Classes, EncoderConfig: c.EncoderConfig})
	if err != nil {
		t.Fatal(err)
	}
	nn.Init(m, d, 1)
	s := tensor.NewStep(d, tensor.StepOptions{})
	defer s.Close()
	s.Begin(0)
	apart := s.Floats([]float32{1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1}, 6, 3) // two blocks of three
	alike := s.Full(0.57735, 6, 3)
	if loss := m.Loss(s, []*tensor.Tensor{apart, apart}, 3).Item(); loss > 1e-4 {
		t.Errorf("loss %g of vectors that agree", loss)
	}
	if loss := m.Loss(s, []*tensor.Tensor{alike, alike, apart}, 3).Item(); math.Abs(float64(loss)-math.Log(3)) > 1e-4 {
		t.Errorf("loss %g of vectors that say nothing, want ln 3", loss)
	}
}

func TestBadConfig(t *testing.T) {
	for says, change := range map[string]func(*fusion.Config){
		`fusion "product" is none of sum, mean`: func(c *fusion.Config) { c.Fusion = "product" },
		`modality "smell" is none of picture`:   func(c *fusion.Config) { c.Modalities = []string{"smell"} },
		`modality "name" stands there twice`:    func(c *fusion.Config) { c.Modalities = []string{"name", "name"} },
		`num_attention_heads 3 must divide`:     func(c *fusion.Config) { c.Fusion, c.Heads = "attention", 3 },
		`num_attention_heads is of the fusion`:  func(c *fusion.Config) { c.Heads = 2 },
		`image_size is 0`:                       func(c *fusion.Config) { c.Size[1] = 0 },
		`hidden_sizes has 0 stages`:             func(c *fusion.Config) { c.Widths = nil },
		`characters is 0`:                       func(c *fusion.Config) { c.Characters = "" },
		`there are 1 classes`:                   func(c *fusion.Config) { c.Classes = c.Classes[:1] },
		`a class stands twice`:                  func(c *fusion.Config) { c.Classes = []string{"a", "a"} },
		`sampling_rate 0`:                       func(c *fusion.Config) { c.Rate = 0 },
		`no bin of an FFT`:                      func(c *fusion.Config) { c.Mels = 200 },
		`hidden_dropout_prob 1`:                 func(c *fusion.Config) { c.Dropout = 1 },
		`hidden_size is 70000`:                  func(c *fusion.Config) { c.Width = 70000 },
	} {
		c := tiny("sum")
		change(&c)
		if _, err := fusion.New(c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	one := tiny("")
	one.Modalities = []string{"sound"}
	if _, err := fusion.NewPair(fusion.PairConfig{Space: 3, Classes: one.Classes, EncoderConfig: one.EncoderConfig}); err == nil || !strings.Contains(err.Error(), "two or more can be compared") {
		t.Error(err)
	}
}
