// Package settings gives the flags of a kong command line two more sources, the environment and one YAML file, and
// remembers where each value came from.
//
// What the command line says goes before the environment, the environment before the file, and the file before a flag's
// default. A list is replaced as a whole, never merged.
//
// The file's keys are the flags' names. A key at the top is for every command that has the flag; under the name of a
// command it is for that command alone, and goes before the one at the top:
//
//	redis: [redis-0:6379, redis-1:6379]
//	rpc:
//	  rpc: 0.0.0.0:8888
//	gateway:
//	  rpc: [rpc-0:8888, rpc-1:8888]
//
// A command with the tag settings:"own" reads its own section only. A name that no command knows, in the file or behind
// the prefix in the environment, is an error, to catch typos; all that is wrong is told at once. An empty variable
// counts as one that is not set.
package settings
