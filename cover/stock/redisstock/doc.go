// Package redisstock keeps what is left of covers' pieces on Redis. It decides who gets one.
//
// The buckets and their logs are those of internal/pots/redisbucket; the log is {b17}:covers. The keys of a cover:
//
//	{b17}:c:<id>    hash  the pot. #v version of its terms; #b pieces bought, #c claimed, #w withdrawn;
//	                      #t<channel> → <kind>:<quota>:<starts>:<ends>:<1 if closed> (ms, 0 for none);
//	                      #n<channel> pieces claimed through it; #w<withdrawal> → pieces;
//	                      <user> → <channel>:<at (ms)>:<digest>
//	{b17}:c:<id>:k  hash  <digest> → <channel>, of a single-use code; <channel> <user> once it is used;
//	                      <channel> * of a link's code, which is good for many
//
// A pot is there as soon as it has #v. A user id never starts with #. record.go describes what is in the log.
package redisstock
