// Package handler is the edge: what reaches the domain over Kitex RPC, and over HTTP and JSON, and what goes back.
//
//	HTTP client → Gateway ─ decode against the IDL → Kitex client ─┐
//	Kitex client ────────────────────────────────────────────────┴→ Server: authorize → Wallet, Group, Envelope → domain
//
// Who calls is decided in one place, the Kitex server; the gateway passes the bearer token on. What an error of the
// domain means to a client is decided in one place, the table of codes. Routes, scopes, decoding and the OpenAPI
// document follow from the text and the annotations in idl/: no method has a handler of its own here.
//
// What comes over an RPC connection is checked before it is decoded: frames in frameGuard, payloads in
// internal/thriftguard. A peer that sends garbage is counted and not logged.
//
// One line is logged for each failed request, by whoever decided that it fails: the Kitex server, or the gateway for a
// request that never got that far.
package handler
