// Package stock is the pieces of branded covers: what a merchant buys, through which channels it gives them away, who
// claims one, and who may therefore send with the cover.
//
//	            buy                     claim
//	merchant ─────────▶ left ───────────────────────▶ claimed     the price is the installation's
//	                      └──────────withdraw───────▶ withdrawn   the price is the merchant's again
//
// A purchase is a metered hold of the merchant's, one unit for each piece, so that at every moment bought = left +
// claimed + withdrawn, and the money is the price times the pieces in each state. Units of the oldest purchase are paid
// first, units of the newest come back first.
//
// What is left is raced for: the pot of a cover on Redis decides who gets a piece (each user one, whatever the channel)
// and what a withdrawal still finds, in one order, and notes it in the log of its bucket. A Settler reads the log and
// writes claims, withdrawals, statistics and their draws in one transaction for each cover and batch, then tells the
// users' shards of their holdings through the outbox. A batch that is read twice is settled once: users, withdrawals
// and the position in the log say what was done.
//
// MySQL is the truth about what a merchant decided: purchases and channels raise the stock's version in their
// transaction, and the pot is brought up to it at once, or by the Keeper if the process dies in between. The same
// Keeper fills a pot that is missing from what the ledger knows. A claim that was answered, and lost by Redis before it
// was settled, is lost: see ADR 0001, which says the same of grabs.
package stock
