package pots

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Position is a place in a bucket's log: the id of an entry, <ms>-<number>, and where Read returned it
// /<fingerprint of the entry>/<epoch of the bucket>. The zero value is the beginning of the log. Ids ascend; positions
// of two epochs have nothing to do with each other.
type Position string

// fingerprintLength is how many hexadecimal digits of the SHA-1 of an entry its fingerprint has. It tells entries with
// the same id apart that two histories of a store have made, so nobody chooses what is compared.
const fingerprintLength = 16

// PositionOf is the position of an entry in an epoch.
func PositionOf(id, entry, epoch string) Position {
	sum := sha1.Sum([]byte(entry))
	return Position(id + "/" + hex.EncodeToString(sum[:])[:fingerprintLength] + "/" + epoch)
}

// ID is that of the entry; "" at the beginning.
func (p Position) ID() string {
	id, _, _ := strings.Cut(string(p), "/")
	return id
}

// Fingerprint is that of the entry; "" where the position does not say.
func (p Position) Fingerprint() string {
	_, rest, _ := strings.Cut(string(p), "/")
	fingerprint, _, _ := strings.Cut(rest, "/")
	return fingerprint
}

// Epoch is that of the bucket; ok is false where the position does not say.
func (p Position) Epoch() (epoch string, ok bool) {
	_, rest, _ := strings.Cut(string(p), "/")
	_, epoch, ok = strings.Cut(rest, "/")
	return epoch, ok
}

// Of says whether the position may be one of an epoch.
func (p Position) Of(epoch string) bool {
	own, ok := p.Epoch()
	return !ok || own == epoch
}

// Check finds what is no position.
func (p Position) Check() error {
	if _, _, ok := p.numbers(); !ok {
		return fmt.Errorf("%q is no position", string(p))
	}
	return nil
}

// Compare orders positions of one epoch. What is no position is at the beginning.
func (p Position) Compare(q Position) int {
	pms, pseq, _ := p.numbers()
	qms, qseq, _ := q.numbers()
	return cmp.Or(cmp.Compare(pms, qms), cmp.Compare(pseq, qseq))
}

func (p Position) numbers() (ms, seq uint64, ok bool) {
	if p == "" {
		return 0, 0, true
	}
	first, second, _ := strings.Cut(p.ID(), "-")
	ms, err1 := strconv.ParseUint(first, 10, 64)
	seq, err2 := strconv.ParseUint(second, 10, 64)
	if err1 != nil || err2 != nil {
		return 0, 0, false
	}
	return ms, seq, true
}
