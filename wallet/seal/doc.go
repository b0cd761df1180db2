// Package seal says what an audit has read for good, in digests over the rows and in rows that name them.
//
// An account's seal covers its entries up to a number. A unit is a hold with its posts, or an order (a top-up or a
// withdrawal), with the entries of its own account; it is sealed as a whole, once it cannot change any more. Seals are
// written after an audit that found nothing, and what is sealed is not read again by the incremental audit. See
// docs/adr/0020-seals.md.
package seal
