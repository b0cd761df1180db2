// Package archive moves what audits have sealed out of the ledger into files that can be checked.
//
//	choose ─▶ write file.partial, fsync, read back ─▶ rename ─▶ a row of archives ─▶ delete batches ─▶ dropped
//	                                                              └── here a run begins if the last one died
//
// A process may die at any line. Before the row is there, the file counts for nothing and is written anew under the
// same name; from then on it holds the rows, and every run first deletes what is left of them. Deletions of units and
// of entries are transactions that also say, in the seals, that they are gone, so audits balance before and after each.
// See docs/adr/0020-seals.md.
package archive
