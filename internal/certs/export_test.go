package certs

// Refresh reads the files once more, for tests.
func Refresh(s *Source) string { return s.refresh("") }
