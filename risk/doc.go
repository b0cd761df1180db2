// Package risk decides by rules about what was claimed of late whether somebody may claim money now: send, transfer,
// pay, withdraw, top up or grab.
//
// A Rule looks at the claims of a subject within a window that slides: more than so many of them, or more than so much
// money of a currency, and it answers. Rules are asked in their order, and the first that answers decides:
//
//	allow      later rules are not asked; only for the users that it names
//	challenge  refused without a fresh proof of who calls; with one, the next rule is asked
//	review     refused until an operator has looked at this one call (see Review)
//	refuse     refused
//
// Where none answers, the claim is allowed. What is allowed is counted, in the windows of all rules that look at it;
// what is refused is not, here or afterwards by the domain, and moves no money.
//
//	(none) ── rule review ──► open ── approve ──► approved   the same call again is allowed
//	                            └──── decline ──► declined   the same call again is refused
//
// A call that was carried out before gets its first answer again, whatever the rules say now. Whoever dies between the
// count and the money leaves a claim counted that moved nothing: rules then err towards refusing, for a window at most.
package risk
