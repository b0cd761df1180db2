// Package cover is the branded covers that merchants give out for envelopes: their art, the operator's review of it,
// and what may be sent with them at a time.
//
//	draft ──submit──▶ in_review ──approve──▶ approved ◀──restore── frozen ──take_down──▶ taken_down
//	  ▲                   └──reject──▶ rejected │ └──────freeze───────▲ ↺ appeal, keep
//	  └───────────────edit─────────────┘        └──its time is over──▶ expired
//
// A merchant's members and servers create, edit, submit and appeal; an operator does the rest, with a reason; time ends
// an approved cover. Expired and taken_down are final. A rejected cover becomes a draft again with its next edit.
// Within 5 days of a freeze the merchant may appeal, once, and an operator restores the cover, keeps it frozen or takes
// it down. The time that a cover was frozen does not count against its validity.
//
// A cover's rows are on the shard of its merchant, which its id carries. Every change is one transaction under the lock
// of the cover's row, with the next line of its history (who, when, what, why) and its events. The line carries the
// caller's request id, so a repeated change finds it and changes nothing. A process that dies has made a change or has
// not. Times are read from the clock of the shard's database, so that a freeze and an expiry, made by different
// processes, agree; those of a test side are as far ahead of it as its merchant has advanced its clock.
//
// An uploaded image is stored first and recorded then: a process that dies in between leaves art that no row names,
// which the same upload finds again. A cover can use recorded images of its own side of its merchant alone.
//
// A take-down orders, in its transaction, that the cover's images are hidden. A job hides those that no other cover
// shows, and deletes their files a month later; each of its steps may be repeated.
//
// Three covers are our own: they are part of the program, have ids that no ledger makes, and never change.
//
// Whoever needs covers often (to send, to claim, to show them) asks a Directory, which answers from memory and is at
// most half a second old.
package cover
