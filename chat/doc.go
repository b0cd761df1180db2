// Package chat is what the page needs of a chat application: short messages in a group or between two people, and the
// names under which people and groups appear. It stands apart from the engine. No money moves by it, and nothing else
// depends on it, so that an application of one's own can take its place.
//
// A message never changes. It may answer an earlier message of the same conversation, and it may be about something
// else, such as an envelope that somebody gives thanks for. Package chat does not know what that is: whoever reads the
// message shows the reference where they know it.
//
// A conversation lies on one shard: a group's on the shard of the group's id, that of two people on the shard of the
// lesser id. A message, the index entries of a conversation that begins and the events about it commit together, so
// whoever listens hears of every message that can be read, at least once.
//
// A name is what its owner chose last. Everybody may name themselves, and a group's members their group. Names are for
// people to read: they are not unique, so a page that shows one keeps the id at hand.
package chat
