package client

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/cloudwego/kitex/pkg/discovery"
)

func TestResolverFindsWhatANameStandsFor(t *testing.T) {
	known := map[string][]string{"rpc.example": {"10.0.0.1", "2001:db8::9", "10.0.0.2"}, "six.example": {"2001:db8::1"}}
	r := newResolver(fixed([]string{"rpc.example:8888", "192.0.2.7:9999", "six.example:1", "gone.example:8888"}))
	r.lookup = func(_ context.Context, host string) ([]string, error) {
		if known[host] == nil {
			return nil, errors.New("no such host")
		}
		return known[host], nil
	}
	resolve := func() (all []string, result discovery.Result) {
		t.Helper()
		result, err := r.Resolve(t.Context(), "key")
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range result.Instances {
			all = append(all, i.Address().String())
		}
		return all, result
	}
	first, before := resolve()
	want := []string{"10.0.0.1:8888", "10.0.0.2:8888", "192.0.2.7:9999", "[2001:db8::1]:1"}
	if !slices.Equal(first, want) || !before.Cacheable {
		t.Errorf("%v, want %v", first, want)
	}
	known["rpc.example"] = []string{"10.0.0.2", "10.0.0.3"} // one server was replaced
	_, now := resolve()
	change, changed := r.Diff("key", before, now)
	if !changed || len(change.Added) != 1 || len(change.Removed) != 1 {
		t.Errorf("%+v", change)
	}
	lost := newResolver(fixed([]string{"gone.example:8888"}))
	lost.lookup = r.lookup
	if _, err := lost.Resolve(t.Context(), "key"); err == nil {
		t.Error("a name without an address leads somewhere")
	}
}

// Kitex keeps what the first resolver of a name answers for all others of that name, and only the one that it asks
// knows names for TLS.
func TestResolversShareNothing(t *testing.T) {
	at := fixed([]string{"a:1"})
	if one, other := newResolver(at), newResolver(at); one.Name() == other.Name() {
		t.Errorf("both are %q", one.Name())
	}
}
