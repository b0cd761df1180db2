// Package archtest holds the rules of this repository's shape, as tests: who may import whom, what may stand at the top
// level, how large a file may grow, how long a line may be, and whether links in documents lead somewhere. It reads the
// sources and nothing else, so it sees files of every platform, and go's test cache notices when one of them changes.
//
// The table is in table_test.go. A package without a row in it, or in the row of a folder above it, is an error: say
// what the new package is for, and what it needs, there first.
package archtest
