package client_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/client"
	"github.com/hongbao/hongbao/kitex_gen/merchantapi"
)

// A chat application tells who is in a group; its users send and grab, each with a token of their own.
func Example() {
	ctx := context.Background()
	c, err := client.New(client.WithAddress(exampleAddress()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	chat := c.As(client.StaticToken(exampleToken("chat", "service")))
	alice := c.As(client.StaticToken(exampleToken("example-alice", "user")))
	bob := c.As(client.StaticToken(exampleToken("example-bob", "user")))

	if err := chat.Groups.Create(ctx, "example-friends", "example-alice", "example-bob"); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := alice.Wallet.TopUp(ctx, client.NewFunding{Amount: 10_000, Currency: "CNY"}); err != nil {
		fmt.Println(err)
		return
	}
	envelope, err := alice.Envelopes.Send(ctx, client.NewEnvelope{
		Group: "example-friends", Kind: client.Equal, Total: 888, Count: 2, Currency: "CNY", Greeting: "恭喜发财",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		grab, err := bob.Envelopes.Grab(ctx, envelope.ID)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(grab.Outcome, grab.Amount, grab.Currency)
	}
	// Output:
	// won 444 CNY
	// already_won 444 CNY
}

func ExampleCode() {
	ctx := context.Background()
	c, err := client.New(client.WithAddress(exampleAddress()), client.WithToken(exampleToken("example-carol", "user")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	_, err = c.Transfers.Offer(ctx, client.NewTransfer{To: "example-dave", Amount: 2500, Currency: "CNY"})
	switch client.Code(err) {
	case client.CodeInsufficientBalance:
		fmt.Println("top up first")
	case client.CodeUnavailable:
		var failed *client.CallError
		if errors.As(err, &failed) {
			fmt.Println("try again with request id", failed.RequestID)
		}
	}
	// Output: top up first
}

// A user applies for a merchant and an operator approves it; with the key that the owner then makes, the merchant's
// server calls.
func ExampleClient_AsMerchant() {
	ctx := context.Background()
	c, err := client.New(client.WithAddress(exampleAddress()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	owner := c.As(client.StaticToken(exampleToken("example-grace", "user")))
	operator := c.As(client.StaticToken(exampleToken("example-operator", "operator")))

	merchant, err := owner.Merchants.Apply(ctx, &merchantapi.ApplyRequest{
		Name: "老王面馆", LegalId: "91310000MA1", Country: "CN", Mcc: "5812", Contact: "grace@example.org",
		Currencies: []string{"CNY"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(merchant.Name, "has", merchant.State)
	merchant, err = operator.Merchants.Decide(ctx, &merchantapi.DecideRequest{
		Id: merchant.Id, Decision: "approve", Reason: "the register knows it",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := owner.Merchants.CreateKey(ctx, &merchantapi.CreateKeyRequest{
		Id: merchant.Id, Mode: "test", Name: "till", Permissions: []string{"wallet_read", "wallet_move"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	server := c.AsMerchant(key.Secret) // keep the secret: it is not shown again
	topUp := &merchantapi.SelfTopUpRequest{Wallet: "available", Amount: 10_000, Currency: "CNY"}
	if _, err := server.Merchants.SelfTopUp(ctx, topUp); err != nil {
		fmt.Println(err)
		return
	}
	wallets, err := server.Merchants.SelfWallets(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, w := range wallets {
		fmt.Println(w.Wallet, w.Amount, w.Currency)
	}
	limits, err := server.Merchants.Limits(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range limits {
		fmt.Println(l.Name, l.Limit)
	}
	// Output:
	// 老王面馆 has applied
	// available 10000 CNY
	// calls_per_second 100
}

func ExampleClient_Listen() {
	ctx := context.Background()
	c, err := client.New(client.WithAddress(exampleAddress()), client.WithGateway(exampleGateway()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	erin := c.As(client.StaticToken(exampleToken("example-erin", "user")))
	frank := c.As(client.StaticToken(exampleToken("example-frank", "user")))
	if _, err := erin.Wallet.TopUp(ctx, client.NewFunding{Amount: 100, Currency: "CNY"}); err != nil {
		fmt.Println(err)
		return
	}

	for update, err := range frank.Listen(ctx, client.UserTopic("example-frank")) {
		if err != nil {
			fmt.Println(err)
			return
		}
		switch update.Kind {
		case client.UpdateSubscribed, client.UpdateReload:
			// Fetch the state here: what happens from now on comes as events.
			offer := client.NewTransfer{To: "example-frank", Amount: 100, Currency: "CNY"}
			if _, err := erin.Transfers.Offer(ctx, offer); err != nil {
				fmt.Println(err)
				return
			}
		case client.UpdateEvent:
			var offered struct {
				Sender string `json:"sender"`
				Amount int64  `json:"amount"`
			}
			if err := update.Event.Decode(&offered); err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println(update.Event.Type, offered.Amount, "from", offered.Sender)
			return // ends listening
		}
	}
	// Output: transfer.offered 100 from example-erin
}

func exampleUp() *up {
	started = true
	u, err := shared()
	if err != nil {
		panic(err)
	}
	return u
}

func exampleAddress() string { return exampleUp().rpc }

func exampleGateway() string { return "http://" + exampleUp().http }

func exampleToken(subject, scope string) string {
	token, err := exampleUp().token(subject, scope)
	if err != nil {
		panic(err)
	}
	return token
}
