// Package handler is the edge: the Kitex services, which decode a call, hand it to the domain and encode what comes
// back.
//
//	HTTP client → Gateway ─ decode against the IDL → Kitex client ─┐
//	Kitex client ────────────────────────────────────────────────┴→ Server: authorize → Wallet, Group … → domain
//
// The rooms beside the services: auth (who calls), contract (what the IDL says), problem (what an error means outside),
// gateway (HTTP) and web (the page). Who calls is decided in one place, the Kitex server; the gateway passes the bearer
// token on. Scopes and timeouts follow from the annotations in idl/.
//
// What comes over an RPC connection is checked before it is decoded: frames in frameGuard, payloads in
// internal/thriftguard. A peer that sends garbage is counted and not logged.
package handler
