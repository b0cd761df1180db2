// Package auth decides who calls and what the caller may do: keys, tokens and their verification, scopes, and the
// development tokens of a sandbox. It knows what a bearer token looks like in an HTTP request, and nothing else of HTTP
// or RPC.
package auth
