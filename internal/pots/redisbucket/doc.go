// Package redisbucket keeps the buckets of pots on Redis: it calls the scripts that decide, and reads the logs that
// the scripts write. What a pot holds is its owner's business.
//
// Everything of a bucket lies in one hash slot, so that one script covers it and Redis Cluster spreads the buckets. The
// keys of each bucket, here of number 17:
//
//	{b17}:home       string  the mark: the installation that the bucket belongs to, and its epoch if that is not
//	                         the first; then a word with ! if nothing may be done
//	{b17}:old        set     @<epoch>, of those whose keys may still be there
//	{b17}:<log>      stream  what happened; each entry has one field, v, whose text is its owner's. Each kind of pot
//	                         has one log
//	{b17}:<log>:read hash    reader → the position that it acknowledged
//	{b17}:<log>:traces stream under the id of an entry of the log: record → traceparent, for those that are traced. It
//	                         is no part of the log, so that the log of a traced grab is as any other; it loses
//	                         what is settled, is cut to about 1,024 entries, and is gone an hour after the last
//	{b17}:…                  the pots
//
// In an epoch that is not the first, all keys but home and old begin with {b17}:@<epoch>: instead.
//
// Every script first compares home with the mark: in a Redis that was emptied, is another one, or is in another epoch
// than the ledger says, it answers POTSLOST, and the call fails with pots.ErrLost. A script that is given a position
// and finds that the log lacks it fences the bucket and answers POTSBACK. Every script may be repeated, so calls are
// when a connection breaks.
//
// # What an answered call survives
//
// With appendfsync always: the end of Redis. With Config.WaitReplicas also the loss of the primary: then RunSafely says
// whether that many replicas have all that the script saw and did, and no log entry is handed out before they have it.
//
// Redis must run with maxmemory-policy noeviction.
package redisbucket
