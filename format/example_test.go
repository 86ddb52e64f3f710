package format_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/inkstone-ai/inkstone/format"
)

// A matrix goes to a file and comes back as a view of the file's pages.
func Example() {
	dir, err := os.MkdirTemp("", "format")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")

	w := format.FromF32("w", []float32{1, 2, 3, 4, 5, 6}, 2, 3) // (2, 3)
	if err := format.WriteSafetensors(path, map[string]string{"format": "pt"}, []format.Tensor{w}); err != nil {
		log.Fatal(err)
	}

	weights, err := format.OpenWeights(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer weights.Close()
	fmt.Print(format.Describe(weights))
	t, _ := weights.Tensor("w")
	x, err := format.F32s(t)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(t.Shape, x)
	// Output:
	// w  F32 (2, 3)
	// 1 tensors, 6 elements, 0.0 MB
	// [2 3] [1 2 3 4 5 6]
}

func ExampleFolder() {
	dir, err := os.MkdirTemp("", "format")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	f := &format.Folder{Dir: dir, Config: []byte(`{"model_type": "gpt2"}`)}
	if err := format.WriteFolder(f, nil, []format.Tensor{format.FromF32("wte.weight", []float32{1, 2}, 2, 1)}, nil); err != nil {
		log.Fatal(err)
	}

	f, err = format.OpenFolder(dir)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", f.Config)
	// Output: {"model_type": "gpt2"}
}

func ExampleLockDir() {
	dir, err := os.MkdirTemp("", "format")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	unlock, err := format.LockDir(dir)
	if err != nil {
		log.Fatal(err)
	}
	_, err = format.LockDir(dir) // as a second run would
	fmt.Println(err != nil)
	fmt.Println(unlock())
	// Output:
	// true
	// <nil>
}
