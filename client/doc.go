// Package client is the Go client of Hongbao: it calls the Kitex services (Thrift over TTHeader) and listens to the
// live feed. It needs nothing of the server but its contracts.
//
//	c, err := client.New(client.WithAddress("127.0.0.1:8888"), client.WithToken(token))
//	…
//	defer c.Close()
//	grab, err := c.Envelopes.Grab(ctx, envelopeID)
//
// # Who calls
//
// The caller is the subject of the signed token that travels with each call. A client has one TokenSource; Client.As
// gives a client of somebody else that shares the connections, which is what a chat application's server needs. Tokens
// are cached until shortly before they expire, and a token that the server no longer accepts is replaced once.
//
// # Retries
//
// A call without an answer, or one answered "unavailable", may have taken effect or not. Every call here is repeated
// with growing, random delays, except Operator.Audit, because repeating it is safe: it carries a request id, reads, or
// does the same thing once however often it is asked (a grab, an acceptance, a member added). A request without a
// RequestID gets a new one, which all attempts share. To repeat a call yourself, after a crash for example, choose the
// id yourself (NewRequestID) and store it first; a CallError carries the id that was used.
//
// Each attempt is bounded by WithTimeout, the whole call by its context.
//
// # Errors
//
// An error of a call is a *CallError. Where the server refused, a *Refusal is in it:
//
//	switch client.Code(err) {
//	case client.CodeInsufficientBalance: // ask for less, or top up
//	case client.CodeUnavailable: // no answer in time: repeat with the same request id
//	}
//
// # Types
//
// What users work with (envelopes, transfers, collections, wallets, groups) has types of its own here: times are
// time.Time, optional fields are zero values, and states and kinds are constants. What an operator reads has as many
// fields, all of them required numbers and strings that a second declaration would only repeat: those are the generated
// structs of operatorapi. Amounts are whole minor units everywhere: 100 CNY is ¥1.00.
package client
