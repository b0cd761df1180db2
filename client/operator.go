package client

import (
	"context"
	"time"

	"github.com/hongbao/hongbao/kitex_gen/operatorapi"
)

// auditTimeout bounds an audit, which may read for minutes: as long as the server allows it.
const auditTimeout = 15 * time.Minute

// Operator calls the OperatorService. Scope: operator.
type Operator struct{ c *Client }

// Installation returns what the installation is: its numbers, its servers, and what they promise.
func (s Operator) Installation(ctx context.Context) (*operatorapi.Installation, error) {
	return invoke(ctx, s.c, call{method: "Operator.Installation"}, s.c.shared.services.Operator.Installation,
		&operatorapi.InstallationRequest{})
}

// Backlog returns what has been acknowledged and not yet done, for each shard.
func (s Operator) Backlog(ctx context.Context) ([]*operatorapi.ShardBacklog, error) {
	answer, err := invoke(ctx, s.c, call{method: "Operator.Backlog"}, s.c.shared.services.Operator.Backlog,
		&operatorapi.BacklogRequest{})
	return converted((*operatorapi.BacklogResponse).GetShards, answer, err)
}

// Audit reads all the books and names each contradiction in them. It may take up to 15 minutes and is not repeated,
// because an audit without an answer may still be running: a process runs one at a time and refuses others as
// unavailable.
func (s Operator) Audit(ctx context.Context) (*operatorapi.AuditResponse, error) {
	k := call{method: "Operator.Audit", timeout: auditTimeout, once: true}
	return invoke(ctx, s.c, k, s.c.shared.services.Operator.Audit, &operatorapi.AuditRequest{})
}

// LastAudit returns the latest audit that a worker made of its own accord, and how old it is. Known is false where
// there is none.
func (s Operator) LastAudit(ctx context.Context) (*operatorapi.LastAuditResponse, error) {
	return invoke(ctx, s.c, call{method: "Operator.LastAudit"}, s.c.shared.services.Operator.LastAudit,
		&operatorapi.LastAuditRequest{})
}

// FreezeAccount keeps the money of a user, or of a merchant's wallet, where it is; what arrives, arrives. It returns
// the freeze that stands: an earlier one stays. Its HasWallet is false where nobody of this name has a wallet, as after
// a typing error. reason has 1 to 200 characters.
func (s Operator) FreezeAccount(ctx context.Context, account, reason string) (*operatorapi.Freeze, error) {
	return invoke(ctx, s.c, call{method: "Operator.FreezeAccount"}, s.c.shared.services.Operator.FreezeAccount,
		&operatorapi.FreezeRequest{Account: account, Reason: reason})
}

// ThawAccount ends a freeze, and says whether there was one. A repeat after a lost answer may say that there was none.
func (s Operator) ThawAccount(ctx context.Context, account, reason string) (thawed bool, err error) {
	answer, err := invoke(ctx, s.c, call{method: "Operator.ThawAccount"}, s.c.shared.services.Operator.ThawAccount,
		&operatorapi.ThawRequest{Account: account, Reason: reason})
	return converted((*operatorapi.ThawResponse).GetThawed, answer, err)
}

// Rejections returns up to limit (1 to 200; 0: 100) posts that the ledger refused, behind the one with the id after
// ("": from the first): those about which something is to be decided, or all.
func (s Operator) Rejections(ctx context.Context, all bool, after string,
	limit int) ([]*operatorapi.Rejection, error) {
	r := &operatorapi.ListRejectionsRequest{}
	if all {
		state := "all"
		r.State = &state
	}
	if after != "" {
		r.After = &after
	}
	if limit != 0 {
		n := int32(limit)
		r.Limit = &n
	}
	answer, err := invoke(ctx, s.c, call{method: "Operator.ListRejections"},
		s.c.shared.services.Operator.ListRejections, r)
	return converted((*operatorapi.ListRejectionsResponse).GetRejections, answer, err)
}

// PayRejection has the payee of a rejection paid from the wallet of an account. currency is "" unless the rejection has
// none. It may be repeated, also after insufficient_balance. reason has 1 to 200 characters.
func (s Operator) PayRejection(ctx context.Context, id, account, currency,
	reason string) (*operatorapi.Rejection, error) {
	r := &operatorapi.DecideRejectionRequest{Id: id, Decision: "pay", Account: &account, Reason: reason}
	if currency != "" {
		r.Currency = &currency
	}
	return s.decide(ctx, r)
}

// DismissRejection says that nobody is owed anything. It may be repeated. reason has 1 to 200 characters.
func (s Operator) DismissRejection(ctx context.Context, id, reason string) (*operatorapi.Rejection, error) {
	return s.decide(ctx, &operatorapi.DecideRejectionRequest{Id: id, Decision: "dismiss", Reason: reason})
}

func (s Operator) decide(ctx context.Context, r *operatorapi.DecideRejectionRequest) (*operatorapi.Rejection, error) {
	return invoke(ctx, s.c, call{method: "Operator.DecideRejection"}, s.c.shared.services.Operator.DecideRejection, r)
}

// Freezes returns up to limit (1 to 200; 0: 100) freezes of accounts behind after ("": from the first), in the order of
// accounts.
func (s Operator) Freezes(ctx context.Context, after string, limit int) ([]*operatorapi.Freeze, error) {
	r := &operatorapi.ListFreezesRequest{}
	if after != "" {
		r.After = &after
	}
	if limit != 0 {
		n := int32(limit)
		r.Limit = &n
	}
	answer, err := invoke(ctx, s.c, call{method: "Operator.ListFreezes"}, s.c.shared.services.Operator.ListFreezes, r)
	return converted((*operatorapi.ListFreezesResponse).GetFreezes, answer, err)
}

// Reviews returns a page of the calls that rules have stopped for an operator to look at, the oldest first: those in a
// state ("": open) behind a cursor ("": from the oldest), up to limit (1 to 200; 0: 100). next is the cursor of the
// next page, empty on the last one.
func (s Operator) Reviews(ctx context.Context, state, cursor string, limit int) (
	reviews []*operatorapi.Review, next string, err error,
) {
	r := &operatorapi.ListReviewsRequest{}
	if state != "" {
		r.State = &state
	}
	if cursor != "" {
		r.Cursor = &cursor
	}
	if limit != 0 {
		n := int32(limit)
		r.Limit = &n
	}
	answer, err := invoke(ctx, s.c, call{method: "Operator.ListReviews"}, s.c.shared.services.Operator.ListReviews, r)
	if err != nil {
		return nil, "", err
	}
	return answer.Reviews, answer.NextCursor, nil
}

// DecideReview decides about such a call: decision is approved or declined, reason has 1 to 200 characters. Repeating
// it is the same decision again. Codes: review_not_found, review_already_decided.
func (s Operator) DecideReview(ctx context.Context, id int64, decision, reason string) (*operatorapi.Review, error) {
	return invoke(ctx, s.c, call{method: "Operator.DecideReview"}, s.c.shared.services.Operator.DecideReview,
		&operatorapi.DecideReviewRequest{ReviewId: id, Decision: decision, Reason: reason})
}
