// Command push measures what it costs to tell a crowd: our hub beside the library centrifuge, in turns on one machine,
// with the same listeners, payloads, history and delay. What is compared is events delivered per second of processor
// time of the serving process; the listeners are in another one.
//
//	cd bench/peers/push && go run . --listeners 1000 --topics 4 --rate 1000
//
// It prints as well how much memory a connection takes in the serving process, before anything is published.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"text/tabwriter"
	"time"
)

// settings are the same for both.
type settings struct {
	listeners, topics int
	rate              int // events published a second, over all topics
	span              time.Duration
	rounds            int
}

// historySize is how many events of a topic both keep for those who come back.
const historySize = 1000

// contestants by name, ours first.
var contestants = []string{"hongbao", "centrifuge"}

// measured is what one round of one contestant found.
type measured struct {
	delivered, expected int64
	processor           time.Duration // of the serving process
	memory              int64         // bytes that a connection takes there
}

func (m measured) perSecond() float64 { return float64(m.delivered) / m.processor.Seconds() }

func main() {
	var s settings
	serve := flag.String("serve", "", "be the serving process of a contestant")
	flag.IntVar(&s.listeners, "listeners", 1000, "connections, each to one topic")
	flag.IntVar(&s.topics, "topics", 4, "topics, over which listeners and events are spread")
	flag.IntVar(&s.rate, "rate", 1000, "events published a second, over all topics")
	flag.DurationVar(&s.span, "for", 5*time.Second, "how long each round lasts")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds")
	flag.Parse()
	if s.listeners < 1 || s.topics < 1 || s.rate < 1 || s.span < time.Second || s.rounds < 1 {
		fail(fmt.Errorf("give at least one listener, topic, event and round, and a second"))
	}
	if *serve != "" {
		fail(serveContestant(*serve, s))
		return
	}
	fail(compare(s))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "push:", err)
		os.Exit(1)
	}
}

// compare measures all contestants in turn and prints the medians.
func compare(s settings) error {
	found, memory := make(map[string][]float64), make(map[string][]float64)
	var ratios []float64
	for round := range s.rounds {
		for _, name := range contestants {
			m, err := measure(name, s)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			fmt.Printf("round %d: %-10s %d of %d events delivered, %.2f s of processor time\n", round+1, name,
				m.delivered, m.expected, m.processor.Seconds())
			if m.delivered < m.expected*99/100 {
				return fmt.Errorf("%s fell behind: give a lower --rate", name)
			}
			found[name] = append(found[name], m.perSecond())
			memory[name] = append(memory[name], float64(m.memory)/1024)
		}
		ratios = append(ratios, found[contestants[0]][round]/found[contestants[1]][round])
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n%d listeners, %d topics, %d events/s\tevents per processor second\tKiB a connection\n",
		s.listeners, s.topics, s.rate)
	for _, name := range contestants {
		fmt.Fprintf(w, "%s\t%.0f\t%.1f\n", name, median(found[name]), median(memory[name]))
	}
	fmt.Fprintf(w, "push/centrifuge\t%.2f\t\n", median(ratios))
	return w.Flush()
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// measure starts a contestant's process, lets everybody listen, and has it publish for a while.
func measure(name string, s settings) (m measured, err error) {
	self, err := os.Executable()
	if err != nil {
		return m, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	process := exec.CommandContext(ctx, self, "--serve", name, "--listeners", fmt.Sprint(s.listeners), "--topics",
		fmt.Sprint(s.topics), "--rate", fmt.Sprint(s.rate), "--for", s.span.String())
	process.Stderr = os.Stderr
	out, err := process.StdoutPipe()
	if err != nil {
		return m, err
	}
	if err := process.Start(); err != nil {
		return m, err
	}
	defer func() { cancel(); _ = process.Wait() }() // killed
	var address string
	if _, err := fmt.Fscan(out, &address); err != nil {
		return m, fmt.Errorf("it does not start: %w", err)
	}
	empty, err := get[int64](address, "/memory")
	if err != nil {
		return m, err
	}
	l, err := listen(name, address, s)
	if err != nil {
		return m, err
	}
	defer l.close()
	connected, err := get[int64](address, "/memory")
	if err != nil {
		return m, err
	}
	m.memory = (connected - empty) / int64(s.listeners)
	before, err := get[time.Duration](address, "/processor")
	if err != nil {
		return m, err
	}
	published, err := get[int64](address, "/publish") // answers when all are published
	if err != nil {
		return m, err
	}
	m.expected = published / int64(s.topics) * int64(s.listeners)
	l.await(m.expected)
	after, err := get[time.Duration](address, "/processor")
	m.delivered, m.processor = l.delivered.Load(), after-before
	return m, err
}
