// Package problem is what an error of the domain means outside: to a client in one table of codes, and in the metrics
// and the log of whoever decided that a request fails. One line is logged for each failed request.
package problem
