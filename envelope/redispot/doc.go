// Package redispot keeps pots and the grab log on Redis. It decides who gets which share.
//
// The buckets and their logs are those of internal/pots/redisbucket; the log is {b17}:log. The keys of an envelope, in
// the first epoch of its bucket:
//
//	{b17}:e:<id>    hash    the pot. #n number of shares; #x expiry (ms); <user> → <share>:<minor>:<at (ms)>; once
//	                        refunded #r minor units
//	{b17}:e:<id>:s  list    the shares to take, <share>:<minor>, in order, a ! before the last. It ends with the
//	                        envelope
//	{b17}:ends      zset    the ids of the envelopes that Retire has not ended, by their expiry (ms)
//
// record.go describes what is in the log. A user id never starts with #. No field of a group envelope's pot is longer
// than 64 bytes, so it stays a listpack. The winner whose answer was lost with a connection gets the same share, as
// AlreadyWon.
//
// # Open and closed
//
// A pot is open as long as its list is there. An empty list is none, closing deletes it, and it has a time to live that
// ends with the envelope; whoever makes the list anew gives it that time again, from #x. So no call has to look at a
// clock, and only the clock of Redis decides whether an envelope is expired: if that goes back (it is set, or a replica
// with a slower one takes over), a list that is gone stays gone, and Expired is as final as Empty. Which of the two it
// is follows from how many shares were taken.
//
// # What an acknowledged grab survives
//
// What redisbucket says of any call. With Config.WaitReplicas no win, no result of Close and no log record is handed
// out before that many replicas have it. What too few have confirmed in time is answered with the refusal unavailable,
// and the repeated call asks again.
package redispot
