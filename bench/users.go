package bench

import (
	"context"
	"fmt"
	"runtime"

	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/kitex_gen/walletapi"
)

const (
	// maxGroup is the most members that a group may have.
	maxGroup = 500
	// sendersPerGroup send envelopes into their group; a few each, so that no wallet is hotter than in a real group.
	sendersPerGroup = 32
	// funds of a sender in minor units: a hundred million shares.
	funds = 10_000_000_000
	// currency of all money here.
	currency = "CNY"
)

// users are users in groups. A user is a number; user u is in group u / per.
type users struct {
	per    int
	names  []string
	tokens []string
	as     []context.Context // with the user's token
	groups []string
	sizes  []int
}

// newUsers makes n users, a multiple of per, puts them into groups and gives the senders money. The names begin with
// the prefix, which no other run has.
func newUsers(ctx context.Context, t *Target, prefix string, n, per int) (*users, error) {
	c := &users{per: per, names: make([]string, n), tokens: make([]string, n), as: make([]context.Context, n)}
	for from := 0; from < n; from += per {
		c.groups = append(c.groups, fmt.Sprintf("%s-g%d", prefix, len(c.groups)))
		c.sizes = append(c.sizes, min(per, n-from))
	}
	for u := range n {
		c.names[u] = fmt.Sprintf("%s-u%d", prefix, u)
	}
	if err := c.sign(ctx, t); err != nil {
		return nil, err
	}
	err := inParallel(ctx, len(c.groups), func(g int) error {
		err := t.chat.Groups.Create(context.WithoutCancel(ctx), c.groups[g], c.members(g)...)
		return explainAt(err, "create a group")
	})
	if err != nil {
		return nil, err
	}
	return c, c.fund(ctx, t)
}

func (c *users) members(g int) []string {
	from := g * c.per
	return c.names[from : from+c.sizes[g]]
}

// sign makes everyone's token. That is work for the processor alone, so it is spread over all of them.
func (c *users) sign(ctx context.Context, t *Target) error {
	base := context.WithoutCancel(ctx)
	chunk := (len(c.names) + runtime.NumCPU() - 1) / runtime.NumCPU()
	return inParallel(ctx, runtime.NumCPU(), func(i int) error {
		for u := i * chunk; u < min((i+1)*chunk, len(c.names)); u++ {
			token, err := t.access.Sign(c.names[u], "user")
			if err != nil {
				return err
			}
			c.tokens[u] = token
			c.as[u] = client.ContextWithToken(base, token)
		}
		return nil
	})
}

// fund gives the senders money, and lets everyone else look at their wallet once, so that the target knows their token
// before anything is measured.
func (c *users) fund(ctx context.Context, t *Target) error {
	return inParallel(ctx, len(c.names), func(u int) error {
		if u%c.per < sendersPerGroup {
			_, err := t.sure.Wallet.TopUp(c.as[u], &walletapi.FundingRequest{RequestId: c.names[u], Amount: funds,
				Currency: currency})
			return explainAt(err, "top up")
		}
		_, err := t.sure.Wallet.Balances(c.as[u], &walletapi.BalancesRequest{})
		return explainAt(err, "look at a wallet")
	})
}

// sender is one of the senders of a group.
func (c *users) sender(g, n int) (user int) {
	return g*c.per + n%min(sendersPerGroup, c.sizes[g])
}

// member is a member of a group.
func (c *users) member(g, n int) (user int) { return g*c.per + n%c.sizes[g] }

// explainAt says what could not be done, or nil.
func explainAt(err error, what string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("could not %s: %s: %s", what, Code(err), sentence(err))
}
