package main
import ("testing";"context";"time";"github.com/inkstone-ai/inkstone/tensor")
func TestProf(t *testing.T){ v,err:=stepsPerSecond(context.Background(),models[0],2,tensor.BF16,6*time.Second); t.Log(v,err)}
