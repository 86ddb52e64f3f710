package emit

import (
	"fmt"
	"slices"
)

// An interval is the stretch of code in which a register is alive.
type interval struct {
	reg         *Reg
	first, last int
}

// end gives every virtual register a real one: linear scan (Poletto & Sarkar
// 1999) over intervals from first to last mention. A register mentioned
// before a loop and in it stays alive to the loop's end. Nothing is ever
// spilled: a kernel that needs more registers than there are is a mistake of
// its author, and panics.
func (f *Func) end() {
	live := f.intervals()
	free := map[Class][]int{GP: count(0, len(general)), Vector: count(0, f.ISA.Regs), Mask: count(1, 8)}
	var active []interval
	for _, iv := range live {
		active = slices.DeleteFunc(active, func(a interval) bool {
			if a.last > iv.first { // a source's last use may be the destination
				return false
			}
			free[a.reg.Class] = append(free[a.reg.Class], a.reg.Num)
			return true
		})
		pool := free[iv.reg.Class]
		if len(pool) == 0 {
			panic(fmt.Sprintf("emit: %s: out of registers of class %d at %q", f.Name, iv.reg.Class, f.Code[iv.first].Op))
		}
		iv.reg.Num, free[iv.reg.Class] = pool[0], pool[1:]
		active = append(active, iv)
	}
}

// intervals lists the function's registers by their first mention.
func (f *Func) intervals() []interval {
	at := map[*Reg]int{}
	var all []interval
	mention := func(r *Reg, i int) {
		if r == nil {
			return
		}
		if n, ok := at[r]; ok {
			all[n].last = i
			return
		}
		at[r] = len(all)
		all = append(all, interval{r, i, i})
	}
	for i, in := range f.Code {
		for _, a := range in.Args {
			switch a := a.(type) {
			case *Reg:
				mention(a.Root(), i)
			case Mem:
				mention(a.Base, i)
				mention(a.Index, i)
			}
		}
	}
	return f.stretch(all)
}

// stretch keeps registers that enter a loop alive to its end; outer loops are
// recorded after the loops they hold, so one pass is enough.
func (f *Func) stretch(all []interval) []interval {
	for i := range all {
		for _, l := range f.loops {
			if all[i].first < l[0] && all[i].last >= l[0] && all[i].last < l[1] {
				all[i].last = l[1]
			}
		}
	}
	return all
}

func count(from, to int) []int {
	var s []int
	for i := from; i < to; i++ {
		s = append(s, i)
	}
	return s
}
