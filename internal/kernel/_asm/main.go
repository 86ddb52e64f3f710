// Command asm writes the generated assembly of internal/kernel/cpu: for each
// kernel family one file of AVX2 and AVX-512 functions and their declarations.
// It is run by go generate; the output is checked in, so that users need
// neither it nor a flag.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"

	"github.com/inkstone-ai/inkstone/internal/kernel/_asm/emit"
)

// families are the files, each built by the function of its name.
var families = []func() *emit.File{product, pack, pair, attention, unary, gated, binary, reduce, norm, pooled, cell, optimizer, half, dropout, rotary, quantised, roof}

// versions are the instruction sets that every family is written for.
var versions = []*emit.ISA{emit.AVX2, emit.AVX512}

func main() {
	log.SetFlags(0)
	log.SetPrefix("asm: ")
	out := flag.String("out", "", "folder of the package that the assembly belongs to")
	flag.Parse()
	for _, family := range families {
		if err := write(family(), *out); err != nil {
			log.Fatal(err)
		}
	}
}

func write(f *emit.File, folder string) error {
	decls, err := f.Declarations("cpu")
	if err != nil {
		return err
	}
	stem := filepath.Join(folder, f.Name+"_amd64")
	if err := os.WriteFile(stem+".s", f.Assembly(), 0o644); err != nil {
		return err
	}
	return os.WriteFile(stem+".go", decls, 0o644)
}
