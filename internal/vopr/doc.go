// Package vopr runs the services, settlers, refunders, sweepers and rebuilders of envelopes over pots and a ledger
// in memory, with a clock of its own and a scheduler that draws from a seed: the same seed goes the same way every
// time. Between any two calls of a store a process may stand still for as long as the scheduler likes, or die; a
// call may be lost before it has its effect or after, be carried out twice, or when its caller has long given up;
// any process may do the work of any shard at any time; every process has its own clock, and those of the pots and
// of the ledger are off as well; a bucket of pots goes back in time, and with odd seeds a shard of the ledger does. An
// auditor that knows who was told what compares that with who was paid, and expects that nothing stays undone once the
// faults stop.
//
// The idea is TigerBeetle's (VOPR) and FoundationDB's.
package vopr
