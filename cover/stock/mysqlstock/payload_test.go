package mysqlstock

import "testing"

// FuzzPayloads holds that payloads of holdings and of uses are refused, or have some.
func FuzzPayloads(f *testing.F) {
	for _, seed := range []string{"", "{}", "null", "[]", `{"all":[]}`, `{"All":[{}]}`, `{"h":[{"u":"a","c":1}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if content, err := (Consumer{}).Decode(payload); err == nil && content.Size() == 0 {
			t.Errorf("%q has no holdings", payload)
		}
		if content, err := (UseConsumer{}).Decode(payload); err == nil && content.Size() == 0 {
			t.Errorf("%q has no uses", payload)
		}
	})
}
