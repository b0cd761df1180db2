package audit

import "time"

// Settle makes the auditor seal entries of shared accounts whose ids are that old.
func (a *Auditor) Settle(age time.Duration) { a.settled = age }

// Writes has a function called before each transaction that seals, which the error keeps from happening.
func (a *Auditor) Writes(before func() error) { a.writes = before }
