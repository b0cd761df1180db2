// Package yardstick measures bare mechanisms, to compare the engine with on the same machine in the same run.
//
// Each does only what its name says, as well as we know how: what a grab costs beyond it is the price of everything
// that it leaves out.
package yardstick

//go:generate go tool kitex -module github.com/hongbao/hongbao -gen-path kitex_gen echo.thrift
