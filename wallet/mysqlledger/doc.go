// Package mysqlledger is the durable ledger, on the schemas of a shards.Cluster. MySQL is the truth about money: what is
// not here was not paid, and what is here is paid once.
//
// A user's wallet lies on the shard of the user, a hold on the shard of its owner, and every transaction on one shard
// alone. Money crosses shards by way of the clearing account:
//
//	Hold     owner's wallet → #hold:<id>                                     request, hold
//	Post     #hold:<id>     → #clearing             on the hold's shard      posts, one outbox row per destination
//	Deliver  #clearing      → payee's wallet        on the payee's shard     inbox row; then the outbox row is deleted
//	Void     #hold:<id>     → owner's wallet
//	TopUp    #funding       → wallet                once the provider has settled
//	Withdraw wallet         → #funding:<id>         before it is asked; then → #funding, or back
//	Advance  the stage of a hold, with the post or the void that it stands for
//
// Beside the money, and in the transactions of what they belong to, are written mentions (which cross shards in the same
// outbox and inbox), notices (which a worker publishes), what a user has spent in a day, and collections.
//
// Every transaction's entries sum to zero in each currency, so every shard does. The clearing accounts summed over all
// shards are the money in flight, which is what lies in outboxes and not yet in an inbox.
//
// # What happens when something stops
//
// Each step is one transaction, and safe to repeat: a request by (user, request id), a post by (hold, part), a delivery
// by (source, outbox id). A crash between a delivery's commit and the deletion of its outbox row leaves a row that is
// already in an inbox; the next delivery sees that and deletes it. A destination that is down keeps its rows in the
// outboxes and is tried again after a while; the others are not held up.
//
// # Order of locks
//
// Within a transaction: request, collection with its parts, holds by id, posts, inbox, mentions, spent, accounts by
// (account, currency), entries, outbox, notices. A hold that is paid at once goes on to its posts at the end, where all
// rows are its own. Lost deadlocks are retried by shards.Cluster.Tx all the same.
package mysqlledger
