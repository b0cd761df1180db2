package ledger

import (
	"strconv"
	"strings"

	"github.com/hongbao/hongbao/internal/refusal"
)

// An account is whose money it is: a user id, or a wallet of a product's own, as merchant~417~available. No user id
// contains a ~, so neither can be taken for the other. Whatever a person types names a user and is checked with
// refusal.CheckID; CheckAccount is for owners, counterparties and payees, which products name.
const (
	separator  = "~"
	testPrefix = "test-"
	maxAccount = 64 // bytes, as a user id
)

// ProductAccount is the wallet of a product's record. Names of test wallets come from TestWallet.
func ProductAccount(product string, id int64, wallet string) string {
	return product + separator + strconv.FormatInt(id, 10) + separator + wallet
}

// TestWallet is the name of the wallet beside another one in which the money is not real.
func TestWallet(wallet string) string { return testPrefix + wallet }

// IsTestAccount says whether an account's money is not real. Such money never meets other money: see Hold.Check and
// Hold.Objection.
func IsTestAccount(account string) bool {
	segments := strings.Split(account, separator)
	return len(segments) == 3 && strings.HasPrefix(segments[2], testPrefix)
}

// IsProductAccount says whether an account is a product's rather than a user's.
func IsProductAccount(account string) bool { return strings.Contains(account, separator) }

// CheckAccount accepts a user id or a product's account: a product, a number and a wallet, separated by ~, of at most
// 64 bytes in all. Product and wallet are of a–z and -. Refusal: invalid_argument.
func CheckAccount(what, account string) error {
	if !IsProductAccount(account) {
		return refusal.CheckID(what, account)
	}
	segments := strings.Split(account, separator)
	if len(account) > maxAccount || len(segments) != 3 || !isName(segments[0]) || !isNumber(segments[1]) ||
		!isName(segments[2]) {
		return refusal.New(refusal.CodeInvalidArgument,
			"%s %q is malformed: give a user id or an account as product~1~wallet", what, refusal.Clip(account))
	}
	return nil
}

func isName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == ""
}

// isNumber says whether an id is written as ProductAccount writes it.
func isNumber(s string) bool {
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && n > 0 && strconv.FormatInt(n, 10) == s
}
