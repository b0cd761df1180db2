// What the page of a code says, in English. See core/texts-en.js.

export default {
  "claim.name": "A cover for you",
  "claim.slogan": "Claim a cover for your red envelopes.",
  "claim.lead": "A cover for the red envelopes that you send. It is yours by one tap.",
  "claim.used": "This code was used. If it was you, look again what you got.",
  "claim.go": "Claim it",
  "claim.claimed": "It is yours",
  "claim.claimed_text": "Choose it when you send a red envelope.",
  "claim.already_held": "You have it already",
  "claim.already_held_text": "Choose it when you send a red envelope.",
  "claim.sold_out": "All are gone",
  "claim.sold_out_text": "The last piece was claimed.",
  "claim.quota_spent": "All of this place are gone",
  "claim.quota_spent_text": "Perhaps there are some elsewhere.",
  "claim.not_started": "It has not begun",
  "claim.not_started_text": "Come back a little later.",
  "claim.ended": "It is over",
  "claim.ended_text": "Nothing is given away here any more.",
  "claim.until": "Usable until {time}.",
  "claim.home": "To the chat",
};
