package mysqlledger

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hongbao/hongbao/wallet/ledger"
)

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

// A credit that nobody traces is carried as by a version that knows no traces; one that is traced carries its trace in
// a field that such a version passes over.
func TestOnlyATracedCreditCarriesATrace(t *testing.T) {
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	hold := &ledger.Hold{ID: 4096, Subject: "envelope", Owner: "a", Note: "x"}
	post := ledger.Post{Hold: 4096, Part: 1, Payee: "b", Minor: 5, At: time.UnixMilli(9)}
	var plain, traced Legs
	plain.add(post, hold)
	traced.add(post, hold)
	post.Part, post.Trace = 2, trace
	traced.add(post, hold)
	for _, c := range []struct {
		legs *Legs
		want string
	}{
		{&plain, `{"holds":[{"id":4096,"subject":"envelope","owner":"a","note":"x"}],` +
			`"legs":[{"h":0,"p":1,"u":"b","a":5,"t":9}]}`},
		{&traced, `{"holds":[{"id":4096,"subject":"envelope","owner":"a","note":"x"}],` +
			`"legs":[{"h":0,"p":1,"u":"b","a":5,"t":9},{"h":0,"p":2,"u":"b","a":5,"t":9}],` +
			`"traces":{"1":"` + trace + `"}}`},
	} {
		payload, err := json.Marshal(c.legs)
		if err != nil || string(payload) != c.want {
			t.Errorf("%s, %v\nwant %s", payload, err, c.want)
		}
		if _, err := (credits{}).Decode(payload); err != nil {
			t.Error(err)
		}
	}
	if got := traced.Parents(); len(got) != 1 || got[0] != trace || len(plain.Parents()) != 0 {
		t.Errorf("traces %v and %v", got, plain.Parents())
	}
}
