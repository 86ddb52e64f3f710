package cpu

import (
	"fmt"
	"os"
	"strings"
)

// Variable names the environment variable that forces a version: a test, or a
// user who compares, then runs what a plainer processor would.
const Variable = "INKSTONE_CPU"

// Check returns an error where [Variable] names a version that does not run
// here. A program calls it once before [New], which panics then.
func Check() error {
	_, err := choose(os.Getenv(Variable))
	return err
}

// Forced reports whether [Variable] chose the version.
func Forced() bool { return os.Getenv(Variable) != "" }

// chosen is the version that [Variable] forces, else the best.
func chosen() version {
	v, err := choose(os.Getenv(Variable))
	if err != nil {
		panic(err)
	}
	return v
}

// choose finds the version called name; "" is the best.
func choose(name string) (version, error) {
	list := versions()
	if name == "" {
		return list[len(list)-1], nil
	}
	for _, v := range list {
		if v.name == name {
			return v, nil
		}
	}
	return version{}, fmt.Errorf("cpu: %s=%s does not run here: %s do", Variable, name, strings.Join(Versions(), ", "))
}
