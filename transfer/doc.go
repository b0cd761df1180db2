// Package transfer is money that people send each other, and bills that a group shares.
//
// # Transfers
//
// A transfer is a hold of its sender's wallet with a stage. Stage and money change in one transaction on the sender's
// shard, which does nothing unless the stage is still the one that the step starts from: of whatever happens at the
// same moment (accept and expire, recall and arrive, two workers) exactly one wins, and nothing lies between a
// decision and its money.
//
//	        Offer: hold
//	          │
//	       offered ──Accept, arrives_in 2h or 24h──▶ accepted
//	       │ │ │ │                                    │    │
//	Decline│ │ │ └──Accept, arrives_in now──┐         │    │ Mover, at its time of arrival
//	       │ │ │                            ▼         │    ▼
//	       │ │ │                         arrived ◀────┼────┘      posted to the recipient
//	       │ │ └──Recall──▶ recalled ◀────Recall──────┘           voided: back to the sender
//	       │ └──Mover, at its expiry──▶ expired                   voided
//	       └──▶ declined                                          voided
//
// Accept, Decline and Recall are possible until the moment at which the stage ends by itself, and the Mover's steps from
// that moment on. The recipient finds the offer by a mention on their own shard, and both sides hear of every step by
// notices; both are written in the transaction of the step, and delivered at least once by a worker. What stops
// between two steps leaves a transfer in a stage of the picture, and the Mover or a person goes on from there.
//
// # Collections
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
//	     └───────────────────┘ the payer's request is given up: the hold is not there and never will be
//
//	    open ──the last part is paid──▶ complete
//	      └────CloseCollection────────▶ closed        parts that are claimed may still be paid, no other
//
// A claim is given up when the payer has not got the money, or by the Keeper when the process that made it has gone. Before the
// part becomes due again, a tombstone takes the place of the payer's request on the payer's shard: a slow process that
// comes back finds it there and cannot pay any more. Where the hold is there already, giving up turns into recording it.
// So at every moment a part that is paid has its hold, and a hold has its part, paid or claimed.
//
// A payment that was left anywhere is finished by the same user calling again, or by the Keeper.
package transfer
