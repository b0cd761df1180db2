package collection

import (
	"slices"

	"github.com/hongbao/hongbao/internal/refusal"
	"github.com/hongbao/hongbao/wallet/ledger"
)

// Who bears what cannot be shared evenly.
const (
	RemainderMembers   = "members"   // one unit each, the first in order of their ids
	RemainderCollector = "collector" // all others are asked for the same
)

// Bill is what a collector asks for.
type Bill struct {
	RequestID    string
	Group        string
	Kind         string // a Kind
	Currency     string
	Total        int64    // even only: minor units
	Participants []string // even only; nil for all members but the collector
	Remainder    string   // even only; empty for RemainderMembers
	Asks         []Ask    // per person only
	Note         string
}

// Ask is somebody's part of a bill that is not shared evenly.
type Ask struct {
	User  string
	Minor int64
}

// check is every rule that needs nothing but the bill, the collector and the rules.
func (b Bill) check(collector string, r Rules) error {
	if err := refusal.CheckRequestID(b.RequestID); err != nil {
		return err
	}
	if err := refusal.CheckID("group_id", b.Group); err != nil {
		return err
	}
	if _, err := ledger.ParseCurrency(b.Currency); err != nil {
		return err
	}
	var err error
	switch Kind(b.Kind) {
	case Even:
		err = b.checkEven()
	case PerPerson:
		err = b.checkPerPerson(collector)
	default:
		err = refusal.New(CodeUnknownKind, "kind is unknown: give even or per_person")
	}
	if err != nil {
		return err
	}
	return refusal.CheckNote(b.Note, r.Note)
}

func (b Bill) checkEven() error {
	if len(b.Asks) > 0 {
		return refusal.New(refusal.CodeInvalidArgument,
			"asks are only for kind per_person: leave them out, and give total")
	}
	if !slices.Contains([]string{"", RemainderMembers, RemainderCollector}, b.Remainder) {
		return refusal.New(refusal.CodeInvalidArgument, "remainder is unknown: give members or collector")
	}
	if _, err := ledger.NewAmount(b.Total, b.Currency); err != nil {
		return err
	}
	return checkUsers("participants", b.Participants)
}

func (b Bill) checkPerPerson(collector string) error {
	if b.Total != 0 || len(b.Participants) > 0 || b.Remainder != "" {
		return refusal.New(refusal.CodeInvalidArgument,
			"total, participants and remainder are only for kind even: leave them out, and give asks")
	}
	if len(b.Asks) == 0 {
		return errNobodyPays
	}
	users, total := make([]string, len(b.Asks)), int64(0)
	for i, a := range b.Asks {
		if _, err := ledger.NewAmount(a.Minor, b.Currency); err != nil {
			return err
		}
		if a.User == collector {
			return refusal.New(refusal.CodeInvalidArgument, "asks: the collector cannot be asked for a part")
		}
		users[i] = a.User
		if total += a.Minor; total > ledger.MaxMinor {
			return refusal.New(refusal.CodeAmountOutOfRange,
				"asks are out of range: their sum is at most %d minor units", ledger.MaxMinor)
		}
	}
	return checkUsers("asks", users)
}

// checkUsers accepts distinct user ids.
func checkUsers(what string, users []string) error {
	seen := make(map[string]bool, len(users))
	for _, u := range users {
		if err := refusal.CheckID(what, u); err != nil {
			return err
		}
		if seen[u] {
			return refusal.New(refusal.CodeInvalidArgument, "%s: %q appears twice: give each user once", what, u)
		}
		seen[u] = true
	}
	return nil
}

var errNobodyPays = refusal.New(CodeParticipantsRequired,
	"only the collector would have a part: name members of the group who pay")

// users are those that a checked bill asks. members are all of the group's.
func (b Bill) users(collector string, members []string) []string {
	switch {
	case len(b.Asks) > 0:
		users := make([]string, len(b.Asks))
		for i, a := range b.Asks {
			users[i] = a.User
		}
		return users
	case len(b.Participants) > 0:
		return b.Participants
	}
	return slices.DeleteFunc(slices.Clone(members), func(m string) bool { return m == collector })
}

// parts shares a checked bill among its users, ordered by their ids. Refusals: participants_required,
// amount_out_of_range.
func (b Bill) parts(collector string, users []string) ([]Part, error) {
	users = slices.Sorted(slices.Values(users))
	if len(users) == 0 || len(users) == 1 && users[0] == collector {
		return nil, errNobodyPays
	}
	parts := make([]Part, len(users))
	for i, u := range users {
		parts[i] = Part{Member: u, State: PartDue}
		if u == collector {
			parts[i].State = PartOwn
		}
	}
	if len(b.Asks) > 0 {
		for _, a := range b.Asks {
			i, _ := slices.BinarySearch(users, a.User)
			parts[i].Minor = a.Minor
		}
		return parts, nil
	}
	return parts, b.shareEvenly(parts)
}

// shareEvenly gives every part the same, and what is left over to whom the bill says.
func (b Bill) shareEvenly(parts []Part) error {
	n := int64(len(parts))
	each, over := b.Total/n, b.Total%n
	if each == 0 {
		return refusal.New(refusal.CodeAmountOutOfRange,
			"total %d is too small for %d participants: every part is at least 1 minor unit", b.Total, n)
	}
	for i := range parts {
		parts[i].Minor = each
		switch {
		case b.Remainder != RemainderCollector && int64(i) < over:
			parts[i].Minor++
		case b.Remainder == RemainderCollector && parts[i].State == PartOwn:
			parts[i].Minor += over
		}
	}
	return nil
}

// sums are the whole bill and what of it is to be paid.
func (b Bill) sums(parts []Part) (total, due int64) {
	for _, p := range parts {
		total += p.Minor
		if p.State == PartDue {
			due += p.Minor
		}
	}
	if b.Total > 0 { // the collector may bear what no part has
		total = b.Total
	}
	return total, due
}
