package collection_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hongbao/hongbao/collection"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// idle is a store of claims that stopped in the middle, by age, until they are released, and the ledger of their
// payers, of which those on one server never hear an answer.
type idle struct {
	collection.Store
	collection.Ledger
	hung int

	mu     sync.Mutex
	claims []collection.IdleClaim
}

func (i *idle) IdleClaims(_ context.Context, _ int, _ time.Time, after collection.IdleClaim,
	limit int) (page []collection.IdleClaim, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, c := range i.claims {
		if cmp.Or(cmp.Compare(c.At, after.At), cmp.Compare(c.Member, after.Member)) > 0 && len(page) < limit {
			page = append(page, c)
		}
	}
	return page, nil
}

func (i *idle) CancelRequest(ctx context.Context, user string, _ ledger.Request) (id int64, ok bool, err error) {
	i.mu.Lock()
	at := slices.IndexFunc(i.claims, func(c collection.IdleClaim) bool { return c.Member == user })
	server := i.claims[at].Server
	i.mu.Unlock()
	if server != i.hung {
		return 0, false, nil
	}
	<-ctx.Done()
	return 0, false, ctx.Err()
}

func (i *idle) Release(_ context.Context, claim collection.Claim, _ time.Time) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.claims = slices.DeleteFunc(i.claims, func(c collection.IdleClaim) bool { return c.Claim == claim })
	return nil
}

func (i *idle) DueReminders(context.Context, int, time.Time, int) ([]int64, error) { return nil, nil }

// However many claims there are whose payers' server does not answer, those of all other payers are settled in the same
// pass, within the time that one call to that server takes.
func TestAHungServerHoldsUpNoOtherClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := &idle{hung: 1}
		for i := range 500 {
			claim := collection.Claim{Collection: 1, Member: fmt.Sprintf("user%03d", i), Claim: 1}
			c := collection.IdleClaim{Claim: claim, At: int64(i / 3), Server: 1}
			if i%100 == 99 {
				c.Server = 0
			}
			stuck.claims = append(stuck.claims, c)
		}
		service := collection.NewService(stuck, stuck, nil, collection.DefaultRules(), time.Now)
		began := time.Now()
		done, err := collection.NewRescuer(service, slog.New(slog.DiscardHandler)).Pass(t.Context(), 0)
		if done != 5 || err == nil || len(stuck.claims) != 495 {
			t.Errorf("%d claims were settled, and %d are left: %v", done, len(stuck.claims), err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("a pass took %v", took)
		}
	})
}
