// Package bankserver is a bank to try a hongbao installation's funding with: the other side of wallet/httpfunding, with
// which it shares the signatures and no code, as a real bank's would. It moves no money; who runs it decides, by hand
// or by a rule, what becomes of each order, and which faults the bank has.
//
//	none ── funding.create ──► pending ──► settled   by hand, by the rule, or a while later
//	  ▲                          │    └──► refused
//	  └────────── forget ◄───────┘   (the bank loses an order: a fault)
//
// Every change of an order is a line in a journal that is on disk before anybody is told, so a restart finds all orders
// as they were, and goes on with delayed decisions and undelivered callbacks.
package bankserver
