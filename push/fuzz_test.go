package push

import "testing"

// FuzzMessage holds that whatever a client sends is either refused or an operation within its bounds.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "[]", "null", `{"op":"ping"}`, `{"op":"subscribe","topic":"group:g"}`,
		`{"op":"subscribe","topic":"x","epoch":"e","seq":1}`, `{"op":"unsubscribe"}`, `{"op":"subscribe","seq":-1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := new(Hub).parse(data)
		if err != nil {
			return
		}
		subscribes := r.Op == "subscribe" || r.Op == "unsubscribe"
		if !subscribes && r.Op != "ping" || subscribes && (r.Topic == "" || len(r.Topic) > maxTopic) {
			t.Errorf("%q was accepted as %+v", data, r)
		}
	})
}
