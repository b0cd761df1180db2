// Package collection is bills that a group shares.
//
// A collection lies on its collector's shard and holds no money. A payment crosses shards in three transactions:
//
//	claim      collector's shard   due → claimed n, while the collection is open
//	pay        payer's shard       a hold, paid to the collector at once; its request id is made from the claim
//	record     collector's shard   claimed n → paid, with the hold's id
//
//	            Pay                     the hold is there
//	    due ───────────▶ claimed n ──────────────────────────▶ paid
//	     ▲                   │
//	     └───────────────────┘ the payer's request is cancelled: the hold is not there and never will be
//
//	    open ──the last part is paid──▶ complete
//	      └──────────Close────────────▶ closed        parts that are claimed may still be paid, no other
//
// A claim is released when the payer lacks the money, or by the Rescuer when the process that made it has gone. Before
// the part becomes due again, the payer's request is cancelled on the payer's shard: a slow process that comes back
// finds that and cannot pay any more. Where the hold is there already, the payment is recorded instead. So at every
// moment a part that is paid has its hold, and a hold has its part, paid or claimed.
//
// A payment that was left anywhere is finished by the same user calling again, or by the Rescuer.
package collection
