package gather

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/hongbao/hongbao/internal/refusal"
)

// heldQueue has one batch of its first question under way, which is answered by the negative of the question once
// release is closed.
func heldQueue(t *testing.T) (q *Queue[int], release chan struct{}, batches func() [][]int, first chan error) {
	t.Helper()
	var sent [][]int // written by the one goroutine that sends
	release, first = make(chan struct{}), make(chan error, 1)
	started := make(chan struct{}, 1)
	q = &Queue[int]{AtOnce: 1}
	q.Send = func(batch []*Call[int]) {
		var questions []int
		for _, c := range batch {
			if !c.Abandoned() {
				questions = append(questions, c.Data)
			}
		}
		sent = append(sent, questions)
		select {
		case started <- struct{}{}:
		default:
		}
		<-release
		for _, c := range batch {
			c.Deliver(-c.Data)
		}
	}
	go func() {
		answer, err := q.Do(t.Context(), 1)
		if answer != -1 {
			err = errors.Join(err, errors.New("the first call has another's answer"))
		}
		first <- err
	}()
	<-started
	return q, release, func() [][]int {
		for !q.Idle() {
			runtime.Gosched()
		}
		return sent
	}, first
}

func TestCallsThatComeTogetherGoTogether(t *testing.T) {
	q, release, batches, first := heldQueue(t)
	errs := make(chan error, MaxBatch+1)
	for i := range MaxBatch + 1 {
		go func() {
			answer, err := q.Do(t.Context(), i+2)
			if answer != -(i + 2) {
				err = errors.Join(err, errors.New("a call has another's answer"))
			}
			errs <- err
		}()
	}
	for q.Waiting() != MaxBatch+1 {
		runtime.Gosched()
	}
	close(release)
	for range MaxBatch + 1 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
	var sizes []int
	for _, b := range batches() {
		sizes = append(sizes, len(b))
	}
	if want := []int{1, MaxBatch, 1}; !slices.Equal(sizes, want) {
		t.Errorf("batches of %v, want %v", sizes, want)
	}
}

// What is started together goes together, each answer to its own call, and all or nothing where it does not fit.
func TestStartedTogether(t *testing.T) {
	q, release, batches, first := heldQueue(t)
	questions := make([]int, MaxBatch+1)
	for i := range questions {
		questions[i] = i + 2
	}
	calls, err := q.Start(nil, questions...)
	if err != nil || len(calls) != len(questions) {
		t.Fatalf("%d calls, %v", len(calls), err)
	}
	if more, err := q.Start(calls, make([]int, MaxQueue)...); refusal.CodeOf(err) != refusal.CodeUnavailable ||
		len(more) != len(calls) || q.Waiting() != len(calls) {
		t.Errorf("more than fits: %d calls, %d wait, %v", len(more), q.Waiting(), err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.Await(gone, calls[0]); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that is gone: %v", err)
	}
	close(release)
	for i, c := range calls[1:] {
		if answer, err := q.Await(t.Context(), c); answer != -questions[i+1] || err != nil {
			t.Fatalf("question %d: %d, %v", questions[i+1], answer, err)
		}
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
	var sizes []int
	for _, b := range batches() {
		sizes = append(sizes, len(b))
	}
	if want := []int{1, MaxBatch - 1, 1}; !slices.Equal(sizes, want) {
		t.Errorf("batches of %v, want %v", sizes, want)
	}
}

func TestAFullQueueRefuses(t *testing.T) {
	q, release, _, first := heldQueue(t)
	errs := make(chan error, MaxQueue)
	for i := range MaxQueue {
		go func() {
			_, err := q.Do(t.Context(), i)
			errs <- err
		}()
	}
	for q.Waiting() != MaxQueue {
		runtime.Gosched()
	}
	if _, err := q.Do(t.Context(), 0); refusal.CodeOf(err) != refusal.CodeUnavailable {
		t.Errorf("one more than fits: %v", err)
	}
	close(release)
	for range MaxQueue {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestWhatIsCancelledWhileItWaitsIsNotSent(t *testing.T) {
	q, release, batches, first := heldQueue(t)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := q.Do(ctx, 2)
		gone <- err
	}()
	for q.Waiting() != 1 {
		runtime.Gosched()
	}
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if sent := batches(); len(sent) != 2 || len(sent[1]) != 0 {
		t.Errorf("sent %v", sent)
	}
}

// Queues that share a way in send one batch after the other, and what comes while one waits goes in its batch.
func TestQueuesThatTakeTurns(t *testing.T) {
	turn := make(chan struct{}, 1)
	enter := func() func() { turn <- struct{}{}; return func() { <-turn } }
	started, release := make(chan struct{}), make(chan struct{})
	first := &Queue[int]{AtOnce: 1, Enter: enter, Send: func(batch []*Call[int]) {
		close(started)
		<-release
		batch[0].Deliver(0)
	}}
	var sizes []int // written in the turn of second
	second := &Queue[int]{AtOnce: 1, Enter: enter, Send: func(batch []*Call[int]) {
		sizes = append(sizes, len(batch))
		for _, c := range batch {
			c.Deliver(0)
		}
	}}
	errs := make(chan error, 4)
	ask := func(q *Queue[int]) {
		_, err := q.Do(t.Context(), 1)
		errs <- err
	}
	go ask(first)
	<-started
	for range 3 {
		go ask(second)
	}
	for second.Waiting() < 3 {
		runtime.Gosched()
	}
	close(release)
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for !second.Idle() {
		runtime.Gosched()
	}
	if !slices.Equal(sizes, []int{3}) {
		t.Errorf("batches of %v calls, want one of 3", sizes)
	}
}
