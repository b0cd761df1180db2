// What a packet that opens sounds and feels like, for those who asked for it. The tones are made here: no file is loaded.

import { preferences } from "./preferences.js";

const WON = [659, 784, 988, 1319]; // Hz: E5 G5 B5 E6
const BEST = [659, 784, 988, 1319, 1568, 1976];
const STEP_S = 0.085;
const TONE_S = 0.34;

/** @type {AudioContext|undefined} */
let audio;

/** Rings and shakes, more of it for the best luck. @param {boolean} best */
export function ring(best) {
  if (!preferences().sound) return;
  navigator.vibrate?.(best ? [30, 40, 30, 40, 90] : [30, 40, 60]);
  try {
    audio ??= new AudioContext();
    const begin = audio.currentTime;
    (best ? BEST : WON).forEach((pitch, i) => tone(/** @type {AudioContext} */ (audio), pitch, begin + i * STEP_S));
  } catch {
    // Without a device for sound there is none.
  }
}

/** @param {AudioContext} on @param {number} pitch @param {number} at */
function tone(on, pitch, at) {
  const voice = new OscillatorNode(on, { type: "triangle", frequency: pitch });
  const loudness = new GainNode(on, { gain: 0 });
  loudness.gain.setValueAtTime(0, at);
  loudness.gain.linearRampToValueAtTime(0.16, at + 0.012);
  loudness.gain.exponentialRampToValueAtTime(0.0008, at + TONE_S);
  voice.connect(loudness).connect(on.destination);
  voice.start(at);
  voice.stop(at + TONE_S);
}
