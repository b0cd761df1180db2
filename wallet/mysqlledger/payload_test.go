package mysqlledger

import "testing"

// FuzzCreditPayload holds that a payload is refused, or has credits of which each has its hold.
func FuzzCreditPayload(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "null", "[]", "torn", `{"holds":[],"legs":[]}`, `{"legs":[{"h":0}]}`, `{"legs":[{"h":-1}]}`,
		`{"holds":[{"id":4096,"subject":"envelope","owner":"a","note":"x"}],"legs":[{"h":0,"p":1,"u":"b","a":5,"t":9}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		content, err := credits{}.Decode(payload)
		if err != nil {
			return
		}
		legs := content.(*Legs)
		if content.Size() == 0 {
			t.Fatalf("%q has no credits", payload)
		}
		for _, leg := range legs.All {
			_ = legs.Holds[leg.Hold]
		}
	})
}
