// Package gateway is the API as JSON over HTTP, with what belongs next to it: the OpenAPI document, the statement as a
// file, the WebSocket's door, health, metrics and the page.
//
//	HTTP client → Gateway ─ decode against the IDL → Kitex client → Kitex server
//
// Routes, decoding and the OpenAPI document follow from the text and the annotations in idl/ (handler/contract): no
// method has a handler of its own here. The bearer token is checked before anything else of a request is read, and
// passed on: the Kitex server decides who calls. One line is logged for each failed request that never got that far.
package gateway
