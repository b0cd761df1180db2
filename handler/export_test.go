package handler

// Bounds, for tests.
const (
	MaxMessage   = maxMessage
	DefaultPage  = defaultPage
	FrameStart   = frameStart
	LengthBytes  = lengthBytes
	FrameTimeout = frameTimeout
)

// Reasons for which a connection is closed, for tests.
const (
	ReasonHTTP2       = reasonHTTP2
	ReasonNotThrift   = reasonNotThrift
	ReasonTooLarge    = reasonTooLarge
	ReasonTooSlow     = reasonTooSlow
	ReasonMalformed   = reasonMalformed
	ReasonNoTTHeader  = reasonNoTTHeader
	ReasonUnknownCall = reasonUnknownCall
)

// How a frame is read, for tests.
var (
	AwaitFrame  = awaitFrame
	CloseReason = closeReason
	Reasons     = reasons
)
