package handler

import "testing"

// FuzzCursor holds that a cursor is refused or means what it meant when it was given.
func FuzzCursor(f *testing.F) {
	for _, seed := range []string{"", "0", encodeCursor(1), encodeCursor(1 << 62), "=", "-1", "AAAA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := decodeCursor(text)
		if err != nil || text == "" {
			return
		}
		if again, err := decodeCursor(encodeCursor(n)); err != nil || again != n {
			t.Errorf("%q is %d, which is given as %q and read as %d, %v", text, n, encodeCursor(n), again, err)
		}
	})
}
