package audit

// Writes has a function called before each transaction that seals, which the error keeps from happening.
func (a *Auditor) Writes(before func() error) { a.writes = before }
