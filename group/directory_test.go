package group_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hongbao/hongbao/group"
	"github.com/hongbao/hongbao/internal/refusal"
)

// shelf is a group.Store in memory that counts what it is asked, can be out of order, and can be made to wait.
type shelf struct {
	mu     sync.Mutex
	groups map[string][]string
	asked  int
	broken error
	wait   chan struct{} // Members has read its answer and waits until this is closed
}

func (s *shelf) Members(ctx context.Context, g string) ([]string, error) {
	s.mu.Lock()
	s.asked++
	members, exists := s.groups[g]
	members, err, wait := slices.Clone(members), s.broken, s.wait
	s.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, group.ErrNotFound
	}
	return members, nil
}

func (s *shelf) Create(_ context.Context, g string, members []string) error {
	return s.change(func() error {
		members := slices.Sorted(slices.Values(members))
		if old, exists := s.groups[g]; exists && !slices.Equal(old, members) {
			return refusal.New(group.CodeExists, "the group has other members")
		}
		if s.groups == nil {
			s.groups = make(map[string][]string)
		}
		s.groups[g] = members
		return nil
	})
}

func (s *shelf) Add(_ context.Context, g, user string) error {
	return s.change(func() error {
		if s.groups[g] == nil {
			return group.ErrNotFound
		}
		if !slices.Contains(s.groups[g], user) {
			s.groups[g] = slices.Sorted(slices.Values(append(s.groups[g], user)))
		}
		return nil
	})
}

func (s *shelf) Remove(_ context.Context, g, user string) error {
	return s.change(func() error {
		if s.groups[g] == nil {
			return group.ErrNotFound
		}
		s.groups[g] = slices.DeleteFunc(slices.Clone(s.groups[g]), func(m string) bool { return m == user })
		return nil
	})
}

func (s *shelf) GroupsOf(_ context.Context, user string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var groups []string
	for g, members := range s.groups {
		if slices.Contains(members, user) {
			groups = append(groups, g)
		}
	}
	slices.Sort(groups)
	return groups, nil
}

func (s *shelf) change(f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	return f()
}

func (s *shelf) set(f func(*shelf)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *shelf) questions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// announced counts announcements.
type announced struct {
	mu     sync.Mutex
	groups []string
	err    error
}

func (a *announced) Announce(_ context.Context, g string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.groups = append(a.groups, g)
	return a.err
}

func (a *announced) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.groups)
}

func newDirectory(t testing.TB, s group.Store, a group.Announcer) *group.Directory {
	t.Helper()
	d, err := group.NewDirectory(s, a, slog.New(slog.NewTextHandler(io.Discard, nil)), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func expectMember(t *testing.T, d *group.Directory, g, user string, want bool) {
	t.Helper()
	if got, err := d.IsMember(t.Context(), g, user); got != want || err != nil {
		t.Errorf("%s in %s: %v instead of %v: %v", user, g, got, want, err)
	}
}

func TestAnswersComeFromMemory(t *testing.T) {
	s := &shelf{groups: map[string][]string{"g": {"ann", "bob"}}}
	d := newDirectory(t, s, new(announced))
	for range 100 {
		expectMember(t, d, "g", "ann", true)
		expectMember(t, d, "g", "cat", false)
		expectMember(t, d, "none", "ann", false)
	}
	if n, err := d.Size(t.Context(), "g"); n != 2 || err != nil {
		t.Errorf("size %d: %v", n, err)
	}
	if n, err := d.Size(t.Context(), "none"); n != 0 || err != nil {
		t.Errorf("size of no group %d: %v", n, err)
	}
	members, err := d.Members(t.Context(), "g")
	if !slices.Equal(members, []string{"ann", "bob"}) || err != nil {
		t.Errorf("members %v: %v", members, err)
	}
	members[0] = "eve" // the caller's own copy
	expectMember(t, d, "g", "ann", true)
	if _, err := d.Members(t.Context(), "none"); !errors.Is(err, group.ErrNotFound) {
		t.Errorf("members of no group: %v", err)
	}
	if s.questions() != 2 {
		t.Errorf("the store was asked %d times for two groups", s.questions())
	}
}

func TestIsMemberAllocatesNothing(t *testing.T) {
	s := &shelf{groups: map[string][]string{"g": {"ann"}}}
	d := newDirectory(t, s, new(announced))
	expectMember(t, d, "g", "ann", true)
	ctx := t.Context()
	allocations := testing.AllocsPerRun(10_000, func() {
		if is, err := d.IsMember(ctx, "g", "ann"); !is || err != nil {
			t.Fatal(is, err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func TestChangesAreSeenAndAnnounced(t *testing.T) {
	s, a := new(shelf), new(announced)
	d := newDirectory(t, s, a)
	expectMember(t, d, "g", "ann", false)
	if err := d.Create(t.Context(), "g", []string{"bob", "ann"}); err != nil || a.count() != 1 {
		t.Fatalf("create: %v, %d announcements", err, a.count())
	}
	if members, err := d.Members(t.Context(), "g"); !slices.Equal(members, []string{"ann", "bob"}) || err != nil {
		t.Fatalf("%v, %v", members, err)
	}
	if err := d.Add(t.Context(), "g", "cat"); err != nil || a.count() != 2 {
		t.Errorf("add: %v, %d announcements", err, a.count())
	}
	expectMember(t, d, "g", "cat", true)
	if err := d.Remove(t.Context(), "g", "ann"); err != nil || a.count() != 3 {
		t.Errorf("remove: %v, %d announcements", err, a.count())
	}
	expectMember(t, d, "g", "ann", false)
	if groups, err := d.GroupsOf(t.Context(), "cat"); !slices.Equal(groups, []string{"g"}) || err != nil {
		t.Errorf("groups %v: %v", groups, err)
	}
	a.err = errors.New("no Redis")
	if err := d.Remove(t.Context(), "g", "cat"); err != nil {
		t.Errorf("a durable change failed because it could not be announced: %v", err)
	}
	expectMember(t, d, "g", "cat", false)
}

func TestRefusedChanges(t *testing.T) {
	s, a := &shelf{groups: map[string][]string{"g": {"ann"}}}, new(announced)
	d := newDirectory(t, s, a)
	many := make([]string, group.MaxMembers+1)
	for i := range many {
		many[i] = fmt.Sprint("u", i)
	}
	ctx := t.Context()
	_, malformed := d.Members(ctx, "a group")
	_, malformedUser := d.GroupsOf(ctx, "")
	for _, test := range []struct {
		name string
		err  error
		code string
	}{
		{"malformed group", d.Create(ctx, "a group", nil), refusal.CodeInvalidArgument},
		{"malformed member", d.Create(ctx, "new", []string{"ann", "b b"}), refusal.CodeInvalidArgument},
		{"member twice", d.Create(ctx, "new", []string{"ann", "bob", "ann"}), refusal.CodeInvalidArgument},
		{"too many members", d.Create(ctx, "new", many), group.CodeTooLarge},
		{"group exists", d.Create(ctx, "g", []string{"bob"}), group.CodeExists},
		{"add malformed group", d.Add(ctx, "", "ann"), refusal.CodeInvalidArgument},
		{"add malformed user", d.Add(ctx, "g", "a/b"), refusal.CodeInvalidArgument},
		{"add to no group", d.Add(ctx, "none", "ann"), group.CodeNotFound},
		{"remove malformed user", d.Remove(ctx, "g", ""), refusal.CodeInvalidArgument},
		{"remove from no group", d.Remove(ctx, "none", "ann"), group.CodeNotFound},
		{"members of malformed", malformed, refusal.CodeInvalidArgument},
		{"groups of malformed", malformedUser, refusal.CodeInvalidArgument},
	} {
		if got := refusal.CodeOf(test.err); got != test.code {
			t.Errorf("%s: %v instead of %s", test.name, test.err, test.code)
		}
	}
	if err := d.Create(ctx, "full", many[1:]); err != nil {
		t.Errorf("as many members as allowed: %v", err)
	}
	if a.count() != 1 {
		t.Errorf("%d announcements of one change", a.count())
	}
}

// A change whose outcome is unknown may have happened.
func TestUncertainChangeIsAnnounced(t *testing.T) {
	s, a := &shelf{groups: map[string][]string{"g": {"ann"}}}, new(announced)
	d := newDirectory(t, s, a)
	s.set(func(s *shelf) { s.broken = errors.New("connection lost") })
	if err := d.Remove(t.Context(), "g", "ann"); err == nil || a.count() != 1 {
		t.Errorf("%v, %d announcements", err, a.count())
	}
}

func TestConcurrentQuestionsAreAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{groups: map[string][]string{"g": {"ann"}}, wait: make(chan struct{})}
		d := newDirectory(t, s, new(announced))
		gone, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() {
			_, err := d.IsMember(gone, "g", "ann")
			failed <- err
		}()
		synctest.Wait()
		var waiting sync.WaitGroup
		for range 100 {
			waiting.Go(func() { expectMember(t, d, "g", "ann", true) })
		}
		synctest.Wait()
		cancel() // the one who asked goes; the others still get their answer
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("the one who went: %v", err)
		}
		close(s.wait)
		waiting.Wait()
		if s.questions() != 1 {
			t.Errorf("the store was asked %d times", s.questions())
		}
	})
}

// An answer that was read before a change, and arrives after its announcement, is not kept.
func TestAnswerFromBeforeAChangeIsNotKept(t *testing.T) {
	for _, test := range []struct {
		name   string
		forget func(*group.Directory)
	}{
		{"announcement", func(d *group.Directory) { d.Invalidate("g") }},
		{"flush", (*group.Directory).Flush},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wait := make(chan struct{})
				s := &shelf{groups: map[string][]string{"g": {"ann"}}, wait: wait}
				d := newDirectory(t, s, new(announced))
				old := make(chan bool, 1)
				go func() {
					is, _ := d.IsMember(t.Context(), "g", "ann")
					old <- is
				}()
				synctest.Wait() // the old answer is on its way
				s.set(func(s *shelf) { s.groups["g"], s.wait = nil, nil })
				test.forget(d)
				expectMember(t, d, "g", "ann", false) // does not wait for the old answer
				close(wait)
				if !<-old {
					t.Error("a question asked before the change got no answer from before it")
				}
				expectMember(t, d, "g", "ann", false)
			})
		})
	}
}

func TestBackstopWithoutAnnouncement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{groups: map[string][]string{"g": {"ann"}}}
		d := newDirectory(t, s, new(announced))
		expectMember(t, d, "g", "ann", true)
		s.set(func(s *shelf) { s.groups["g"] = []string{"bob"} })
		time.Sleep(9 * time.Second) // of the bubble's clock
		expectMember(t, d, "g", "ann", true)
		time.Sleep(time.Second)
		expectMember(t, d, "g", "ann", false)
	})
}

func TestStoreThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{groups: map[string][]string{"g": {"ann"}}}
		d := newDirectory(t, s, new(announced))
		expectMember(t, d, "g", "ann", true)
		s.set(func(s *shelf) { s.broken = errors.New("no MySQL") })
		time.Sleep(time.Minute)
		for range 100 {
			expectMember(t, d, "g", "ann", true)
		}
		if s.questions() != 2 {
			t.Errorf("the store was asked %d times at once while it does not answer", s.questions())
		}
		if _, err := d.IsMember(t.Context(), "other", "ann"); err == nil {
			t.Error("a group that was never read has members")
		}
		s.set(func(s *shelf) { s.broken, s.groups["g"] = nil, []string{"bob"} })
		time.Sleep(5 * time.Second)
		expectMember(t, d, "g", "ann", false)

		s.set(func(s *shelf) { s.broken = errors.New("no MySQL") })
		d.Invalidate("g") // somebody changed it: what was in memory must not be used any more
		if is, err := d.IsMember(t.Context(), "g", "bob"); err == nil {
			t.Errorf("answered %v from before a change", is)
		}
		s.set(func(s *shelf) { s.broken = nil })
		expectMember(t, d, "g", "bob", true)
		s.set(func(s *shelf) { s.broken = errors.New("no MySQL") })
		time.Sleep(time.Hour)
		if _, err := d.IsMember(t.Context(), "g", "bob"); err == nil {
			t.Error("a group of an hour ago is still used")
		}
	})
}

func TestStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{groups: map[string][]string{"g": {"ann"}}}
		d := newDirectory(t, s, new(announced))
		expectMember(t, d, "g", "ann", true)
		s.set(func(s *shelf) { s.wait = make(chan struct{}) })
		time.Sleep(10 * time.Second)
		began := time.Now()
		expectMember(t, d, "g", "ann", true)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("waited %v", took)
		}
	})
}
