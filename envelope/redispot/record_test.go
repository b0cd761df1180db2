package redispot

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hongbao/hongbao/envelope"
)

func FuzzParseEntry(f *testing.F) {
	f.Add("s 1")
	f.Add("t 1 0 0:5:1763788371000:a\nt 1 1 1:6:1763788371000:b:c\nr 2 9")
	f.Fuzz(func(t *testing.T, value string) {
		records, err := parseEntry(nil, "", value)
		if err == nil && len(records) < strings.Count(value, "\n")+1 {
			t.Errorf("%q: %d records", value, len(records))
		}
		for _, r := range records {
			if r.Kind == "" || r.Kind == envelope.RecordTaken && r.Take.User == "" {
				t.Errorf("%q: %s", value, fmt.Sprint(r))
			}
		}
	})
}
