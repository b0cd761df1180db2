// Package transfer is money that people send each other.
//
// A transfer is a staged hold of its sender's wallet. Stage and money change in one transaction on the sender's shard,
// which does nothing unless the stage is still the one that the step starts from: of whatever happens at the same
// moment (accept and expire, recall and arrive, two workers) exactly one wins, and there is nothing between a decision
// and its money.
//
//	        Offer: hold
//	          │
//	       offered ──Accept, arrives_in 2h or 24h──▶ accepted
//	       │ │ │ │                                    │    │
//	Decline│ │ │ └──Accept, arrives_in now──┐         │    │ due pass, at its time of arrival
//	       │ │ │                            ▼         │    ▼
//	       │ │ │                         arrived ◀────┼────┘      posted to the recipient
//	       │ │ └──Recall──▶ recalled ◀────Recall──────┘           voided: back to the sender
//	       │ └──due pass, at its expiry──▶ expired                voided
//	       └──▶ declined                                          voided
//
// People may accept, decline and recall until the moment at which the stage ends by itself; the due pass makes its
// steps from that moment on. The recipient finds the offer by an index entry on their own shard, and both sides hear of
// every step by events; entry and events are written in the transaction of the step, and a worker delivers them at
// least once. A process that dies between two steps leaves the transfer in one of the states above, and the due pass or
// a person goes on from there.
package transfer
