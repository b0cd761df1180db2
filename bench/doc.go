// Package bench measures a deployment through its public interfaces: Kitex RPC, HTTP and WebSocket. It knows nothing of
// what is behind them, and does not believe it: every suite ends by checking the books.
//
//	Access ─ where a deployment is, and how to sign for its users
//	Target ─ clients of it
//	users  ─ users in groups, with money
//	pool  ─ open envelopes that the users has not grabbed from yet
//	suite  ─ a load (package load) on the users and the pool, and what is special about it
//	books  ─ what was acknowledged to us, compared with what the statements say
//
// # What a win is worth
//
// Each grab that was answered with `won` is noted: envelope, share, user, amount. After the load a suite waits until
// the installation says that nothing is left to be settled, has it audited, and then looks for every one of its wins in
// the statement of its user. A win that is not there, or differs by a unit, is named, and the suite has failed.
package bench
