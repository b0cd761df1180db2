// Package contract is what the IDL promises: services, methods and their requests, read from the text and the
// annotations in idl/ and joined with the generated code. The Kitex server and the gateway both follow it, so that no
// method has a route, a scope, a timeout or a decoder of its own.
package contract
