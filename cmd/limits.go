package cmd

import (
	"errors"
	"fmt"

	"github.com/hongbao/hongbao/handler"
	"github.com/hongbao/hongbao/handler/gateway"
)

// maxPerSecond bounds a limit.
const maxPerSecond = 10_000

// callLimits are the flags of a process with Kitex services. The defaults let nobody wait who acts as fast as a person
// can.
type callLimits struct {
	UserGrabs     int `help:"Grabs, and claims of covers, that a user may make a second at each rpc. Ten seconds' worth may come at once, here and below; 0 means no limit." default:"500"`
	UserReads     int `help:"Reads (GET) that a user may make a second at each rpc." default:"300"`
	UserChanges   int `help:"All other calls that a user may make a second." default:"300"`
	UserMisses    int `help:"Calls a second, at each rpc, with which a user may ask for what does not exist or is not theirs." default:"20"`
	PeerBadTokens int `name:"peer-bad-tokens" help:"Tokens that may be refused a second of one address at each rpc; gateways and this machine are not counted." default:"50"`
	KeyExchanges  int `help:"Exchanges of merchants' keys a second from one address." default:"20"`
}

func (l callLimits) limits() handler.CallLimits {
	return handler.CallLimits{
		Grabs: l.UserGrabs, Reads: l.UserReads, Changes: l.UserChanges, Misses: l.UserMisses,
		BadTokens: l.PeerBadTokens, Exchanges: l.KeyExchanges,
	}
}

func (l callLimits) checkCalls() error {
	return checkRange(
		"--user-grabs, --user-reads, --user-changes, --user-misses, --peer-bad-tokens and --key-exchanges",
		l.UserGrabs, l.UserReads, l.UserChanges, l.UserMisses, l.PeerBadTokens, l.KeyExchanges)
}

// addressLimits are the flags of a process with a gateway. The defaults leave room for a thousand people behind one
// address.
type addressLimits struct {
	AddressRequests  int `help:"Requests that one address may make a second at each gateway, before their tokens are looked at. Ten seconds' worth may come at once; 0 means no limit. This machine is not limited." default:"2000"`
	AddressBadTokens int `help:"Tokens that may be refused a second of one address at each gateway." default:"50"`
	AddressSockets   int `help:"WebSockets of one address at each gateway." default:"5000"`
	UserSockets      int `help:"WebSockets of one user at each gateway." default:"50"`
	UserRefusals     int `help:"Subscribes a second that may be refused to a user at each gateway, before the connection is closed." default:"20"`
	DevTokenRate     int `help:"Development tokens a second." default:"100"`
}

func (l addressLimits) limits() gateway.AddressLimits {
	return gateway.AddressLimits{
		Requests: l.AddressRequests, BadTokens: l.AddressBadTokens, DevTokens: l.DevTokenRate, Refusals: l.UserRefusals,
	}
}

func (l addressLimits) checkAddresses() error {
	return errors.Join(
		checkRange("--address-requests, --address-bad-tokens, --user-refusals and --dev-token-rate",
			l.AddressRequests, l.AddressBadTokens, l.UserRefusals, l.DevTokenRate),
		checkRange("--address-sockets and --user-sockets", l.AddressSockets, l.UserSockets))
}

func checkRange(names string, values ...int) error {
	return checkRangeTo(names, maxPerSecond, values...)
}

func checkRangeTo(names string, most int, values ...int) error {
	for _, v := range values {
		if v < 0 || v > most {
			return fmt.Errorf("%s: %d is out of range: give 0 to %d", names, v, most)
		}
	}
	return nil
}
