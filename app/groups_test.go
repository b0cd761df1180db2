package app

import (
	"fmt"
	"sync"
	"testing"
)

// Changes that come while a listener is called are told to it once for each group, and nothing is after the end.
func TestABurstOfGroupChanges(t *testing.T) {
	var c groupChanges
	var mu sync.Mutex
	told := map[string]int{}
	began, goOn := make(chan struct{}), make(chan struct{})
	c.add(func(group string) {
		if group == "first" {
			close(began)
			<-goOn
		}
		mu.Lock()
		defer mu.Unlock()
		told[group]++
	})
	c.changed("first")
	<-began
	for i := range 1000 {
		c.changed(fmt.Sprint("group", i%5))
	}
	close(goOn)
	c.end()
	c.changed("late")
	c.end()
	for i := range 5 {
		if group := fmt.Sprint("group", i); told[group] != 1 {
			t.Errorf("told %d times of %s", told[group], group)
		}
	}
	if told["first"] != 1 || told["late"] != 0 {
		t.Errorf("told: %v", told)
	}
}
