// Command capacity says what many machines would do: a queueing model of the way of a grab, fed with service times that
// were measured on one. docs/capacity.md has what it prints and what follows from it.
//
//	go run ./bench/capacity
package main

import (
	"fmt"
	"os"
	"text/tabwriter"
	"time"
)

// perNode is the rate that each node is offered: 760,000 grabs a second, WeChat's New Year's Eve of 2017, on 100 nodes.
const perNode = 7_600

// scenario is a line of a table.
type scenario struct {
	name string
	load
}

func main() {
	fmt.Println("Nodes grow with the load; a Redis for every 2.5 nodes")
	var lines []scenario
	for _, nodes := range []int{1, 5, 10, 30, 100, 300} {
		lines = append(lines, scenario{fmt.Sprint(nodes, " nodes"), load{Nodes: nodes, Redis: max(1, nodes*2/5),
			Rate: float64(nodes) * perNode}})
	}
	print(lines)

	fmt.Println("\n760,000 grabs a second on 40 Redis, by fewer and larger nodes")
	lines = nil
	for _, nodes := range []int{100, 50, 20, 10} {
		lines = append(lines, scenario{fmt.Sprintf("%d nodes of %d cores", nodes, 200/nodes), load{Nodes: nodes,
			Cores: 200 / nodes, Redis: 40, Rate: 100 * perNode}})
	}
	print(lines)

	fmt.Println("\n760,000 grabs a second on 100 nodes, by the number of Redis")
	lines = nil
	for _, redis := range []int{30, 35, 40, 60, 100} {
		lines = append(lines, scenario{fmt.Sprint(redis, " Redis"), load{Nodes: 100, Redis: redis,
			Rate: 100 * perNode}})
	}
	print(lines)

	fmt.Println("\nOne envelope, on one Redis, that everybody grabs from on 100 nodes")
	lines = nil
	for _, rate := range []float64{5_000, 10_000, 20_000, 40_000, 60_000} {
		lines = append(lines, scenario{fmt.Sprintf("%.0f a second", rate), load{Nodes: 100, Redis: 1, Rate: rate,
			Hot: true}})
	}
	print(lines)
}

func print(lines []scenario) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tgrabs/s\tp50 ms\tp99 ms\tgrabs/call\tRedis µs/grab\tRedis busy\tcores busy\t")
	for _, s := range lines {
		f := simulate(measured, s.load, time.Second)
		fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.2f\t%.1f\t%.1f\t%.0f %%\t%.0f %%\t\n", s.name, f.Rate, f.P50, f.P99,
			f.PerCall, f.RedisMicros, 100*f.RedisBusy, 100*f.CoresBusy)
	}
	_ = w.Flush()
}
