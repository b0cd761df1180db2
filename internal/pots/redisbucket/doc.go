// Package redisbucket keeps the buckets of pots on Redis: it calls the scripts that decide, and reads the logs that
// the scripts write. What a pot holds is its owner's business.
//
// Everything of a bucket lies in one hash slot, so that one script covers it and Redis Cluster spreads the buckets. The
// keys of each bucket, here of number 17:
//
//	{b17}:home       string  the installation that these keys belong to
//	{b17}:<log>      stream  what happened; each entry has one field, v, whose text is its owner's. There is one log
//
// for
//
//	                         each kind of pot
//	{b17}:<log>:read hash    reader → the last entry it acknowledged
//	{b17}:…                  the pots
//
// Every script first compares home with the installation: in a Redis that was emptied, or is another one, it answers
// POTSLOST, and the call fails with pots.ErrLost until Install is called. Every script may be repeated, so calls are
// when a connection breaks.
//
// # What an answered call survives
//
// With appendfsync always: the end of Redis. With Config.WaitReplicas also the loss of the primary: then RunSafely says
// whether that many replicas have all that the script saw and did, and no log entry is handed out before they have it.
//
// Redis must run with maxmemory-policy noeviction.
package redisbucket
