// Package simulation runs the whole engine as users and operators do, as processes, kills parts of it at random
// moments, and then holds what was acknowledged against the books. It has no code of its own but tests.
package simulation
