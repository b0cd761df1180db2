// Package webhook tells the owner of an account what happened to it, over HTTP, after the Standard Webhooks
// specification 1.0.0 (https://www.standardwebhooks.com).
//
// A product publishes an event in the transaction of what it tells. The event travels through the outbox to the owner's
// shard, where one transaction appends it, exactly once, to the owner's events, with the next sequence of its object,
// and makes one delivery for each endpoint that is subscribed at that moment.
//
//	endpoint   active ⇄ paused          the owner pauses and resumes; what is due waits meanwhile
//	           active, paused → disabled  by the owner, by an answer 410, or by FailureLimit of failure; final
//
//	delivery   due ──2xx──▶ delivered
//	            │ └─other──▶ due, at the next time of Schedule
//	            └─Schedule is used up, or the endpoint is disabled──▶ dead
//
// A replay makes a delivery due again, from the beginning of Schedule. When an endpoint is disabled by an answer or by
// failure, its owner is told by an event of its own (TypeDisabled).
//
// A Forgetter deletes events after Retention, with their deliveries and attempts, in the order of their positions.
//
// A Dispatcher makes the attempts of a shard. It claims a delivery with a lease, sends, and records what came of it, if
// the lease is still its own. A process that dies in between leaves a lease that runs out; then the attempt is made
// again. So a receiver gets everything at least once, and repeats have the same webhook-id. Order is not promised:
// a receiver that needs it compares the sequence of an object.
package webhook
