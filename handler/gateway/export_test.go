package gateway

// MaxHeader is maxHeader, for tests.
const MaxHeader = maxHeader

// What openAPI says about the codes of a method, for tests.
var (
	CodesOf     = codesOf
	CommonCodes = commonCodes
)
