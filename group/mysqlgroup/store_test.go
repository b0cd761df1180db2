package mysqlgroup_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/hongbao/hongbao/group"
	"github.com/hongbao/hongbao/group/mysqlgroup"
	"github.com/hongbao/hongbao/internal/devstack"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/internal/shards"
	"github.com/hongbao/hongbao/internal/shards/shardstest"
)

func open(t *testing.T, n int, dsns ...string) *mysqlgroup.Store {
	t.Helper()
	c := shardstest.New(t, n, dsns...)
	s := mysqlgroup.New(c)
	if err := mysqlgroup.Migrate(t.Context(), c); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return s
}

func wantMembers(t *testing.T, s *mysqlgroup.Store, id string, want ...string) {
	t.Helper()
	got, err := s.Members(t.Context(), id)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("members of %s: %v, %v, want %v", id, got, err, want)
	}
}

func TestLifeOfAGroup(t *testing.T) {
	s, ctx := open(t, 4), t.Context()
	steps := []struct {
		what string
		err  error
		code string
	}{
		{"create", s.Create(ctx, "family", []string{"bob", "alice"}), ""},
		{"create again, in another order", s.Create(ctx, "family", []string{"alice", "bob", "bob"}), ""},
		{"create with other members", s.Create(ctx, "family", []string{"alice"}), group.CodeExists},
		{"create an empty one", s.Create(ctx, "empty", nil), ""},
		{"add", s.Add(ctx, "family", "carol"), ""},
		{"add again", s.Add(ctx, "family", "carol"), ""},
		{"add where there is no group", s.Add(ctx, "nobody", "carol"), group.CodeNotFound},
		{"remove", s.Remove(ctx, "family", "bob"), ""},
		{"remove again", s.Remove(ctx, "family", "bob"), ""},
		{"remove where there is no group", s.Remove(ctx, "nobody", "bob"), group.CodeNotFound},
		{"ids are told apart by case", s.Create(ctx, "Family", []string{"dave"}), ""},
		{"malformed group", s.Create(ctx, "no spaces", nil), refusal.CodeInvalidArgument},
		{"malformed member", s.Add(ctx, "family", "张三"), refusal.CodeInvalidArgument},
	}
	for _, step := range steps {
		if got := refusal.CodeOf(step.err); got != step.code || step.code == "" && step.err != nil {
			t.Errorf("%s: %v, want %q", step.what, step.err, step.code)
		}
	}
	wantMembers(t, s, "family", "alice", "carol")
	wantMembers(t, s, "Family", "dave")
	wantMembers(t, s, "empty")
	if _, err := s.Members(ctx, "nobody"); !errors.Is(err, group.ErrNotFound) {
		t.Errorf("members of no group: %v", err)
	}
}

func TestGroupsOfAsksEveryShard(t *testing.T) {
	s, ctx := open(t, 4), t.Context()
	var want []string
	for i := range 20 {
		id := fmt.Sprintf("group-%02d", i)
		if err := s.Create(ctx, id, []string{"alice", fmt.Sprintf("user-%d", i)}); err != nil {
			t.Fatal(err)
		}
		want = append(want, id)
	}
	if got, err := s.GroupsOf(ctx, "alice"); err != nil || !slices.Equal(got, want) {
		t.Errorf("groups of alice: %v, %v", got, err)
	}
	if got, err := s.GroupsOf(ctx, "stranger"); err != nil || len(got) != 0 {
		t.Errorf("groups of a stranger: %v, %v", got, err)
	}
}

// Twenty more than there is room for are added at once: exactly MaxMembers get in.
func TestConcurrentAddsStopAtMaxMembers(t *testing.T) {
	s, ctx := open(t, 2), t.Context()
	const room, callers = 20, 40
	var first []string
	for i := range group.MaxMembers - room {
		first = append(first, fmt.Sprintf("early-%d", i))
	}
	if err := s.Create(ctx, "crowd", first); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	codes := map[string]int{}
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			err := s.Add(ctx, "crowd", fmt.Sprintf("late-%d", i))
			mu.Lock()
			defer mu.Unlock()
			codes[refusal.CodeOf(err)]++
			if err != nil && refusal.CodeOf(err) == "" {
				t.Errorf("add: %v", err)
			}
		})
	}
	wg.Wait()
	if codes[""] != room || codes[group.CodeTooLarge] != callers-room {
		t.Errorf("answers: %v, want %d added and %d refused", codes, room, callers-room)
	}
	if got, err := s.Members(ctx, "crowd"); err != nil || len(got) != group.MaxMembers {
		t.Errorf("%d members, %v, want %d", len(got), err, group.MaxMembers)
	}
	if err := s.Add(ctx, "crowd", first[0]); err != nil {
		t.Errorf("adding a member again to a full group: %v", err)
	}
	if err := s.Create(ctx, "too-many", append(first, others(room+1)...)); refusal.CodeOf(err) != group.CodeTooLarge {
		t.Errorf("creating one with %d: %v", group.MaxMembers+1, err)
	}
}

func others(n int) (users []string) {
	for i := range n {
		users = append(users, fmt.Sprintf("more-%d", i))
	}
	return users
}

// Of two that create the same group with other members at once, one is refused, and the group is the other's whole.
func TestConcurrentCreates(t *testing.T) {
	s, ctx := open(t, 1), t.Context()
	for round := range 10 {
		id := fmt.Sprintf("race-%d", round)
		var errs [2]error
		sets := [2][]string{{"alice", "bob"}, {"carol", "dave"}}
		var wg sync.WaitGroup
		for i := range sets {
			wg.Go(func() { errs[i] = s.Create(ctx, id, sets[i]) })
		}
		wg.Wait()
		winner := 0
		if errs[0] != nil {
			winner = 1
		}
		if errs[winner] != nil || refusal.CodeOf(errs[1-winner]) != group.CodeExists {
			t.Fatalf("%v, want one to be refused", errs)
		}
		wantMembers(t, s, id, sets[winner]...)
	}
}

func TestServerDownIsUnavailable(t *testing.T) {
	ctx := t.Context()
	own := devstack.NewTestMySQL(t)
	s := open(t, 1, own.DSN())
	if err := s.Create(ctx, "family", []string{"alice"}); err != nil {
		t.Fatal(err)
	}
	own.Kill()
	for name, err := range map[string]error{
		"create": s.Create(ctx, "family", []string{"alice"}), "add": s.Add(ctx, "family", "bob"),
		"members": second(s.Members(ctx, "family")), "groups": second(s.GroupsOf(ctx, "alice")),
	} {
		if !errors.Is(err, shards.ErrUnavailable) {
			t.Errorf("%s: %v, want unavailable", name, err)
		}
	}
	if err := own.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	wantMembers(t, s, "family", "alice")
}

func second(_ []string, err error) error { return err }
