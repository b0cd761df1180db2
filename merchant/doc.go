// Package merchant is the businesses that act on an installation: who they are, who works for them, the wallets they
// have and the keys that their servers call with.
//
//	applied ──approve──▶ active ◀──resume── suspended ──close──▶ closed
//	   │                   └────suspend────────▲
//	   └──reject──▶ rejected
//
// Each of these decisions is an operator's, with a reason. Rejected and closed are final.
//
// A merchant's rows, its wallets and the requests of its applicant are on one shard, that of its applicant: its id is
// drawn until ledger.ProductAccount of it falls there. So an application is one transaction. Every change is made under
// the lock of the merchant's row and writes the next line of its history in the same transaction: who, when, what, why.
// The line carries the caller's request id, so a repeated change finds it and changes nothing.
//
// A member is a user with a role. At least one owner always remains: the row's lock makes two owners who remove each
// other wait for one another.
//
// A key is what the merchant's server proves itself with, by a secret that is kept as its hash or by a signature of the
// merchant's own Ed25519 key:
//
//	active ──roll──▶ rolling ──its time is over──▶ (as revoked)
//	   └────────revoke──┴──▶ revoked
//
// It is exchanged for a token that is good for some minutes. A revocation is a row first, so no exchange that begins
// after it succeeds; then every node is told to refuse the tokens of before; then the row notes that all are told.
// What stopped in between is told again by the Announcer.
//
// A merchant has a live side and a test side. A key belongs to one of them, and so does each wallet; the ledger never
// lets money of one meet the other. Test wallets are funded by the sandbox, whoever funds the live ones.
//
// The test side has a clock of its own, which is as far ahead of ours as members and servers have advanced it, and
// never goes back: Merchant.Ahead. What covers and their channels do on the test side follows it. Money, keys, webhooks
// and histories of merchants keep our time on both sides.
package merchant
