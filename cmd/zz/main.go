package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
	"runtime/pprof"

	"github.com/inkstone-ai/inkstone"
	"github.com/inkstone-ai/inkstone/model/wordvec"
	"github.com/inkstone-ai/inkstone/train"
)

func main() {
	s := inkstone.VectorSettings{Algorithm: os.Args[1]}
	s.Epochs, _ = strconv.Atoi(os.Args[2])
	if len(os.Args) > 4 {
		s, _ = inkstone.ReadVectorSettings(os.Args[4])
	}
	out := "/tmp/vec/" + os.Args[3]
	os.RemoveAll(out)
	f, _ := os.Create("/tmp/vec/cpu.prof")
	pprof.StartCPUProfile(f)
	t := time.Now()
	var first time.Time
	r, err := inkstone.TrainVectors(context.Background(), inkstone.VectorOptions{
		Data: []string{"/work/shared/data/lm-war-and-peace/war-and-peace.txt.gz"}, Out: out, Settings: s, Threads: 1,
		Planned: func(a inkstone.Announcement) { fmt.Printf("%+v\n", a); fmt.Println("prepared in", time.Since(t)); first = time.Now() },
		Progress: func(m train.Metrics) {
			if m.Step%(200) == 1 || m.Evaluation != nil {
				ev := 0.0
				if m.Evaluation != nil { ev = *m.Evaluation }
				fmt.Printf("%d loss %.4f norm %.2f %.0f/s eval %.4f\n", m.Step, m.Loss, m.Norm, m.TokensPerSecond, ev)
			}
		},
	})
	pprof.StopCPUProfile()
	fmt.Println(time.Since(first))
	fmt.Println(r, err)
	v, err := inkstone.LoadVectors(out, nil)
	if err != nil {
		panic(err)
	}
	for _, q := range []string{"king", "Pierre", "Natasha", "horse", "army", "French", "eyes", "said", "three", "Moscow", "mother", "battle", "he - his + her"} {
		qq, _ := wordvec.ParseQuery(q)
		m, err := v.Nearest(qq, 8)
		fmt.Print(q, ": ")
		for _, x := range m {
			fmt.Printf("%s %.2f  ", x.Word, x.Cosine)
		}
		fmt.Println(err)
	}
}
