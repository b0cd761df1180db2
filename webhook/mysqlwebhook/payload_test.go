package mysqlwebhook

import "testing"

// FuzzPayload holds that a payload is refused, or has events.
func FuzzPayload(f *testing.F) {
	for _, seed := range []string{"", "{}", "null", "[]", `{"events":[]}`, `{"events":[{"token":"x"}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if content, err := new(Consumer).Decode(payload); err == nil && content.Size() == 0 {
			t.Errorf("%q has no events", payload)
		}
	})
}
