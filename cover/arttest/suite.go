// Package arttest is what every store of images must do.
package arttest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/hongbao/hongbao/cover"
)

// Run tests a store that is empty. another is the same store as another process sees it.
func Run(t *testing.T, store, another cover.Art) {
	one, two := strings.Repeat("01", 32), strings.Repeat("fe", 32)
	want := func(hash, size, content string, err error) {
		t.Helper()
		for i, s := range []cover.Art{store, another} {
			got, failed := s.Get(t.Context(), hash, size)
			if !errors.Is(failed, err) || string(got) != content {
				t.Errorf("process %d: %s/%s is %q, %v; want %q, %v", i, hash[:4], size, got, failed, content, err)
			}
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	want(one, cover.SizeLarge, "", cover.ErrNotFound)
	for range 2 { // the second time it is there
		do(store.Put(t.Context(), one, cover.SizeLarge, []byte("large")))
	}
	do(store.Put(t.Context(), one, cover.SizeSmall, []byte("small")))
	do(store.Put(t.Context(), two, cover.SizeLarge, []byte("other")))
	want(one, cover.SizeLarge, "large", nil)
	want(one, cover.SizeSmall, "small", nil)
	want(one, cover.SizeMedium, "", cover.ErrNotFound)

	for range 2 {
		do(store.Hide(t.Context(), one))
		want(one, cover.SizeLarge, "", cover.ErrGone)
	}
	do(store.Put(t.Context(), one, cover.SizeLarge, []byte("large")))
	want(one, cover.SizeLarge, "", cover.ErrGone)
	want(two, cover.SizeLarge, "other", nil)
	for range 2 {
		do(another.Show(t.Context(), one))
		want(one, cover.SizeLarge, "large", nil)
	}
	do(store.Hide(t.Context(), one))
	for range 2 {
		do(store.Delete(t.Context(), one))
		want(one, cover.SizeLarge, "", cover.ErrGone)
	}
	do(store.Show(t.Context(), one))
	want(one, cover.SizeLarge, "", cover.ErrNotFound)
	want(two, cover.SizeLarge, "other", nil)
	never := strings.Repeat("77", 32)
	do(errors.Join(store.Show(t.Context(), never), store.Delete(t.Context(), never)))
	do(store.Hide(t.Context(), never))
	want(never, cover.SizeLarge, "", cover.ErrGone)

	hostile(t, store)
	crowd(t, store, another)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := store.Put(ctx, one, cover.SizeLarge, []byte("x")); err == nil {
		t.Error("it was put after its context had ended")
	}
}

// hostile names never reach the store.
func hostile(t *testing.T, store cover.Art) {
	t.Helper()
	good := strings.Repeat("ab", 32)
	for _, name := range [][2]string{
		{"", "large"}, {"..", "large"}, {"../../../../etc", "large"}, {strings.ToUpper(good), "large"},
		{good[:62] + "/.", "large"}, {good, ""}, {good, ".."}, {good, "../large"}, {good, "gone"}, {good, "large\x00"},
	} {
		if err := store.Put(t.Context(), name[0], name[1], []byte("x")); err == nil {
			t.Errorf("%q was put", name)
		}
		if _, err := store.Get(t.Context(), name[0], name[1]); err == nil || errors.Is(err, cover.ErrNotFound) {
			t.Errorf("%q was looked for: %v", name, err)
		}
	}
	for _, hash := range []string{"", "..", "../x"} {
		if store.Hide(t.Context(), hash) == nil || store.Show(t.Context(), hash) == nil ||
			store.Delete(t.Context(), hash) == nil {
			t.Errorf("%q was hidden, shown or deleted", hash)
		}
	}
}

// crowd lets many put and read one file: whoever finds it finds all of it.
func crowd(t *testing.T, stores ...cover.Art) {
	t.Helper()
	hash, data := strings.Repeat("c0", 32), bytes.Repeat([]byte("whole "), 20_000)
	var all sync.WaitGroup
	for i := range 8 {
		s := stores[i%len(stores)]
		all.Go(func() {
			if err := s.Put(t.Context(), hash, cover.SizeLarge, data); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			got, err := s.Get(t.Context(), hash, cover.SizeLarge)
			if err == nil && !bytes.Equal(got, data) || err != nil && !errors.Is(err, cover.ErrNotFound) {
				t.Errorf("found %d bytes of %d, %v", len(got), len(data), err)
			}
		})
	}
	all.Wait()
}
