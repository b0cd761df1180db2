package handler

import (
	"testing"
	"time"

	"github.com/hongbao/hongbao/handler/auth"
	"github.com/hongbao/hongbao/handler/contract"
	"github.com/hongbao/hongbao/handler/problem"
	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Every method by which money leaves a user demands a fresh proof above the amount, and only then.
func TestStepUp(t *testing.T) {
	promised, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_700_000_000, 0)
	s := StepUp{Contexts: []string{"mfa", "phr"}, Age: time.Minute, Above: ledger.DailyLimits{Default: 100,
		In: map[ledger.Currency]int64{"JPY": 0}}}
	proof := func(context string, ago time.Duration) auth.Caller {
		return auth.Caller{Context: context, AuthTime: now.Add(-ago)}
	}
	for key, field := range amounts {
		m, ok := promised.Methods[key]
		if !ok {
			t.Errorf("%v is no method", key)
			continue
		}
		for _, c := range []struct {
			name, currency string
			amount         int64
			caller         auth.Caller
			ok             bool
		}{
			{"little", "CNY", 100, auth.Caller{}, true},
			{"much", "CNY", 101, auth.Caller{}, false},
			{"much of another currency", "JPY", 1_000_000, auth.Caller{}, true},
			{"proven", "CNY", 101, proof("mfa", time.Minute), true},
			{"proven otherwise", "CNY", 101, proof("phr", 0), true},
			{"proven by a password", "CNY", 101, proof("pwd", 0), false},
			{"proven too long ago", "CNY", 101, proof("mfa", time.Minute+time.Second), false},
			{"proven in the future", "CNY", 101, proof("mfa", -time.Minute), false},
			{"of no time", "CNY", 101, auth.Caller{Context: "mfa"}, false},
		} {
			args, request := m.NewRequest()
			request.FieldByName(field).SetInt(c.amount)
			request.FieldByName("Currency").SetString(c.currency)
			err := s.check(m, c.caller, args, now)
			if (err == nil) != c.ok || err != nil && refusal.CodeOf(err) != problem.CodeStepUpRequired {
				t.Errorf("%v, %s: %v", key, c.name, err)
			}
			if err := (StepUp{}).check(m, c.caller, args, now); err != nil {
				t.Errorf("%v, %s, where nothing is demanded: %v", key, c.name, err)
			}
		}
	}
}
