// Package idl carries the Thrift contracts, so that one binary can derive its HTTP routes and its OpenAPI document
// from the same text that its RPC code was generated from.
package idl

import "embed"

//go:generate go tool kitex -module github.com/hongbao/hongbao -gen-path ../kitex_gen wallet.thrift
//go:generate go tool kitex -module github.com/hongbao/hongbao -gen-path ../kitex_gen group.thrift
//go:generate go tool kitex -module github.com/hongbao/hongbao -gen-path ../kitex_gen envelope.thrift
//go:generate go tool kitex -module github.com/hongbao/hongbao -gen-path ../kitex_gen operator.thrift
//go:generate go tool kitex -module github.com/hongbao/hongbao -gen-path ../kitex_gen transfer.thrift
//go:generate go tool kitex -module github.com/hongbao/hongbao -gen-path ../kitex_gen collection.thrift
//go:generate go tool kitex -module github.com/hongbao/hongbao -gen-path ../kitex_gen merchant.thrift
//go:generate go tool kitex -module github.com/hongbao/hongbao -gen-path ../kitex_gen webhook.thrift
//go:generate go tool kitex -module github.com/hongbao/hongbao -gen-path ../kitex_gen cover.thrift
//go:generate go tool kitex -module github.com/hongbao/hongbao -gen-path ../kitex_gen stock.thrift
//go:generate go tool kitex -module github.com/hongbao/hongbao -gen-path ../kitex_gen chat.thrift

// Files holds every *.thrift of this folder.
//
//go:embed *.thrift
var Files embed.FS
