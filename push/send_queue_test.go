package push

import "testing"

// A queue that always has something in it takes no more memory than that needs.
func TestAQueueThatIsNeverEmptyDoesNotGrow(t *testing.T) {
	q := newSendQueue(8, 1<<20, func() {})
	frames := make([]*frame, 1000)
	for i := range frames {
		frames[i] = newFrame([]byte{byte(i)})
		if !q.put(frames[i]) {
			t.Fatal("the queue is full")
		}
		if i == 0 {
			continue
		}
		if f, _ := q.take(); f != frames[i-1] {
			t.Fatalf("taken out of order at %d", i)
		}
	}
	if n := cap(q.frames); n > 16 {
		t.Errorf("room for %d frames, with one in the queue", n)
	}
}
