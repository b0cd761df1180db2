package archive

// Steps has a function called between any two steps of a run, which its error ends.
func (a *Archiver) Steps(between func(string) error) { a.step = between }
