package loop

// TracedError is the error of a pass about which a trace says more. Run logs the trace with it.
type TracedError struct {
	Err     error
	TraceID string
}

// Error implements error.
func (e *TracedError) Error() string { return e.Err.Error() }

// Unwrap is for package errors.
func (e *TracedError) Unwrap() error { return e.Err }

// Traced says under which trace an error happened, as W3C's traceparent. Without one, and without an error, err stays
// as it is.
func Traced(err error, parent string) error {
	id := TraceID(parent)
	if err == nil || id == "" {
		return err
	}
	return &TracedError{Err: err, TraceID: id}
}

// TraceID is the id of the trace in a traceparent; "" for none.
func TraceID(parent string) string {
	const from, to = len("00-"), len("00-") + 32
	if len(parent) < to {
		return ""
	}
	return parent[from:to]
}
