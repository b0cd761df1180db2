package index

import "testing"

// FuzzPayload holds that whatever is in a payload is read or refused.
func FuzzPayload(f *testing.F) {
	for _, seed := range []string{"", "{}", "null", "[]", `{"mentions":[{"w":"a","s":"transfer","r":1}]}`,
		`{"mentions":[{"r":1e400}]}`, `{"mentions":null}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		content, err := (&Index{}).Decode(payload)
		if err == nil && content.Size() != len(content.(Entries).All) {
			t.Errorf("%q: %d entries", payload, content.Size())
		}
	})
}
