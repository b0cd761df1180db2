// Package mysqlledger is the durable ledger, on the schemas of a shards.Cluster. MySQL is the truth about money: what
// is not here was not paid, and what is here is paid once.
//
// A user's wallet is on the shard of the user, a hold on the shard of its owner, and every transaction on one shard
// alone, except that small deliveries to shards of one server share one (see package outbox). Money crosses shards by
// way of the clearing account:
//
//	Hold     owner's wallet → #hold:<id>                                     request, hold
//	Post     #hold:<id>     → #clearing             on the hold's shard      posts, one message for each destination
//	Deliver  #clearing      → payee's wallet        on the payee's shard     inbox row; then the message is deleted
//	Void     #hold:<id>     → owner's wallet
//	TopUp    #funding       → wallet                once the provider has settled
//	Withdraw wallet         → #funding:<id>         before it is asked; then → #funding, or back
//	Draw     units of a metered hold, as a post or as a void
//	Advance  the stage of a hold, with the post or the void that it stands for
//
// Beside the money, and in the same transaction, a Tx writes index entries (which cross shards in the same outbox and
// inbox), events (which a worker publishes), what a user has used of a day's limit, and the rows of a product.
//
// Every transaction's entries sum to zero in each currency, so every shard does. The clearing accounts summed over all
// shards are the money in flight: what is in outboxes and not yet in an inbox.
//
// # What happens when something stops
//
// Each step is one transaction, and safe to repeat: a request by (user, request id), a post by (hold, part), a delivery
// by (source, message id); see package outbox.
//
// # Order of locks
//
// Within a transaction: request, the product's own rows, holds by id, posts, inbox, index entries, daily usage,
// accounts by (account, currency), or by (currency, account) for holds that come together, entries, outbox. A hold that
// is paid at once goes on to its posts at the end, where all rows are its own. Lost deadlocks are retried by
// shards.Cluster.Tx all the same.
package mysqlledger
