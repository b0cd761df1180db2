package contract

import (
	"strings"
	"testing"

	"github.com/hongbao/hongbao/kitex_gen/walletapi/walletservice"
)

const goodContract = `namespace go walletapi
struct Balance { 1: required string currency 2: required i64 amount }
struct BalancesRequest {}
struct BalancesResponse { 1: required list<Balance> balances }
service WalletService {
  BalancesResponse Balances(1: BalancesRequest req) (api.get = "/v1/wallet", hongbao.scope = "user")
}
`

func TestContractIsRefusedAtStart(t *testing.T) {
	for _, c := range []struct{ name, old, replacement, want string }{
		{"as it should be", "", "", ""},
		{"no scope", `, hongbao.scope = "user"`, "", "needs one annotation hongbao.scope"},
		{"an unknown scope", `"user"`, `"usr"`, `"usr", which is no scope`},
		{"no route", `api.get = "/v1/wallet", `, "", "needs one of the annotations"},
		{"two routes", `api.get`, `api.post = "/v1/x", api.get`, "has 2"},
		{"another version", `"/v1/wallet"`, `"/wallet"`, "does not begin with /v1/"},
		{"a parameter nobody takes", `"/v1/wallet"`, `"/v1/wallet/{id}"`, "no field takes {id}"},
		{"a method that was not generated", ` Balances(`, ` Balance(`, "not in the generated code"},
		{"another service", `WalletService`, `OtherService`, "generated code is of"},
		{"a field that was renamed", `string currency`, `string code`, "Currency is not in the IDL"},
		{"not Thrift", `struct`, `strct`, "parse error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			empty := &Contract{Methods: map[Key]*Method{}}
			err := empty.add("x.thrift", strings.Replace(goodContract, c.old, c.replacement, 1),
				walletservice.NewServiceInfo())
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
