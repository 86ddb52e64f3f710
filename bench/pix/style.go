package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/corpus"
	"github.com/inkstone-ai/inkstone/format"
	"github.com/inkstone-ai/inkstone/internal/plot"
	"github.com/inkstone-ai/inkstone/style"
)

// A styled picture is what came of a transfer.
type styled struct {
	Name    string       `json:"name"`
	Start   style.Losses `json:"start"`
	End     style.Losses `json:"end"`
	Seconds float64      `json:"seconds"`

	picture *corpus.Images
}

// texture is a picture of so many pixels that the program draws: waves, or dots in rows.
func texture(name string, side int) *corpus.Images {
	m := &corpus.Images{H: side, W: side, C: 3}
	for i := range side * side {
		y, x := float64(i/side), float64(i%side)
		a, b := 0.0, 0.0 // 0 to 1
		if name == "waves" {
			a = 0.5 + 0.5*math.Sin((x+3*math.Sin(y/5))/1.8)
			b = 0.5 + 0.5*math.Sin(y/9)
		} else {
			dy, dx := math.Mod(y, 8)-4, math.Mod(x+4*math.Mod(math.Floor(y/8), 2), 8)-4
			a = 1 / (1 + math.Exp(2*(math.Sqrt(dy*dy+dx*dx)-2.5)))
			b = 0.2
		}
		m.Pixels = append(m.Pixels, uint8(60+190*a), uint8(40+150*a*b), uint8(170*(1-a)+40*b))
	}
	return m
}

// montage are columns × columns pictures, at even distances, as one.
func montage(m *corpus.Images, columns int) *corpus.Images {
	one := &corpus.Images{H: m.H * columns, W: m.W * columns, C: m.C}
	row := m.W * m.C
	for y := range one.H {
		for k := range columns {
			at := (y/m.H*columns + k) * m.Len() / (columns * columns)
			one.Pixels = append(one.Pixels, m.Image(at)[y%m.H*row:(y%m.H+1)*row]...)
		}
	}
	return one
}

// stylize is the part of style transfer: the network is the judge of the neon pictures.
func (e *experiment) stylize(ctx context.Context) error {
	if e.only == "style" { // then its network is not there yet
		if _, err := e.train(ctx, "pix2pix", e.digits, inkstone.PictureSettings{Model: "pix2pix", From: "thin", To: "neon", Objective: "l1"}); err != nil {
			return err
		}
		judge, err := e.judge(ctx, "pix2pix")
		if err != nil {
			return err
		}
		if err := judge.Close(); err != nil {
			return err
		}
	}
	digits, err := corpus.ReadImages(corpus.ImageOptions{Channels: 1}, e.digits)
	if err != nil {
		return err
	}
	digits, err = digits.Draw("bold")
	if err != nil {
		return err
	}
	if err := writePicture(filepath.Join(e.out, "style-content.png"), montage(digits, 3)); err != nil {
		return err
	}
	for _, name := range []string{"waves", "dots"} {
		if err := writePicture(filepath.Join(e.out, "style-"+name+".png"), texture(name, 96)); err != nil {
			return err
		}
		if err := e.transfers(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// transfers gives the digits one style in four ways.
func (e *experiment) transfers(ctx context.Context, name string) error {
	p := part{Name: "style " + name}
	for _, way := range []struct {
		name string
		o    style.Options
	}{
		{"both losses, from the content", style.Options{}},
		{"both losses, from noise", style.Options{Noise: true}},
		{"content alone, from noise", style.Options{Noise: true, Style: -1}},
		{"style alone, from noise", style.Options{Noise: true, Content: -1}},
	} {
		way.o.Seed, way.o.Steps = e.seed, e.steps
		began := time.Now()
		made, err := inkstone.Stylize(ctx, inkstone.StylizeOptions{
			Model: e.folder("pix2pix-judge"), Content: filepath.Join(e.out, "style-content.png"), Style: filepath.Join(e.out, "style-"+name+".png"),
			Threads: e.threads, Options: way.o,
		})
		if err != nil {
			return err
		}
		s := styled{way.name, made.Start, made.End, time.Since(began).Seconds(), made.Picture}
		fmt.Fprintf(os.Stderr, "style %s, %s: %+v, %.0f s\n", name, way.name, s.End, s.Seconds)
		p.Styles, p.Seconds = append(p.Styles, s), p.Seconds+s.Seconds
	}
	e.add(p)
	return e.grid(name, p.Styles)
}

func styleTable(w io.Writer, all []styled) {
	fmt.Fprintln(w, "| picture | content loss | style loss |")
	fmt.Fprintln(w, "|---|---:|---:|")
	fmt.Fprintf(w, "| the content as it is | %.4f | %.4f |\n", all[0].Start.Content, all[0].Start.Style)
	for _, s := range all {
		fmt.Fprintf(w, "| %s | %.4f | %.4f |\n", s.Name, s.End.Content, s.End.Style)
	}
}

// grid draws a style and what came of it.
func (e *experiment) grid(name string, all []styled) error {
	look := texture(name, 96)
	g := plot.Grid{Columns: 1 + len(all), Scale: 2, Above: []string{"style", "both", "both, noise", "content", "style alone"}}
	g.Pictures = append(g.Pictures, plot.Picture{H: look.H, W: look.W, C: 3, Pixels: look.Pixels})
	for _, s := range all {
		g.Pictures = append(g.Pictures, plot.Picture{H: s.picture.H, W: s.picture.W, C: s.picture.C, Pixels: s.picture.Pixels})
	}
	return format.WriteFile(filepath.Join(e.out, "style-of-"+name+".png"), g.WritePNG)
}

func writePicture(path string, m *corpus.Images) error {
	return format.WriteFile(path, func(w io.Writer) error { return m.WritePNG(w, 0) })
}
