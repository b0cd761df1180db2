// Package load makes requests at a rate, or as fast as a number of callers can, and measures how long they take.
//
// # Open loop
//
// In an open loop requests leave on schedule, whatever the answers do, as people do who do not know of each other. The
// latency of a request counts from the moment it was scheduled. So a server that stands still for a second has made all
// requests of that second wait, and the histogram says so; a generator that waits for one answer before it asks again
// would have left them out (coordinated omission).
//
// Places bound what is outstanding. A request that finds them all taken waits for one, and that wait is part of its
// latency: the target is behind. What a request loses before it leaves although a place was free is the generator's own
// lag, kept apart: where that is large, the generator was the limit and the figures say little about the target.
//
// # Closed loop
//
// In a closed loop each caller asks again when it has its answer. That finds the highest throughput of so many callers,
// and flatters latencies: figures from it are labelled.
package load
