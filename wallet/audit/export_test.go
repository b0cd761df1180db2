package audit

import "time"

// Settle makes the auditor seal entries of shared accounts whose ids are that old.
func (a *Auditor) Settle(age time.Duration) { a.settled = age }
