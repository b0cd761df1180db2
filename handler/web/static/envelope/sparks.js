// What flies when a packet opens: coins, and confetti for the best luck. A little physics: each piece is thrown, falls,
// slows down in the air and turns.

import { h } from "../core/dom.js";

const GRAVITY = 1500; // px/s²
const DRAG = 1.1; // of its speed that a piece loses in a second
const LONGEST_MS = 3200;
const COINS = 34;
const CONFETTI = 120;
const PAPER = ["#e8523f", "#f7c948", "#3fa66b", "#3a7fc1", "#b65fc0", "#ff9f6b"];
const GOLD = ["#fff3c9", "#f7cd62", "#dda032"];

/** @typedef {{x: number, y: number, vx: number, vy: number, turn: number, spin: number, size: number, colour: string,
 *   paper: boolean}} Piece */

/**
 * Throws pieces out of the middle of a host that is position: relative or fixed. The canvas goes by itself.
 * @param {HTMLElement} host
 * @param {boolean} best
 */
export function throwSparks(host, best) {
  const { width, height } = host.getBoundingClientRect();
  const scale = Math.min(2, devicePixelRatio);
  const canvas = h("canvas", { class: "sparks", "aria-hidden": "true", width: width * scale, height: height * scale });
  const draw = canvas.getContext("2d");
  if (!draw || !width) return;
  host.append(canvas);
  draw.scale(scale, scale);
  const pieces = Array.from({ length: COINS + (best ? CONFETTI : 0) }, (_, i) => piece(width, height, i >= COINS));
  // A covered window paints nothing: then the canvas goes all the same.
  setTimeout(() => canvas.remove(), LONGEST_MS);
  let before = performance.now();
  const frame = (now) => {
    if (!canvas.isConnected) return;
    const seconds = Math.min(0.05, (now - before) / 1000);
    before = now;
    draw.clearRect(0, 0, width, height);
    let there = false;
    for (const one of pieces) {
      move(one, seconds);
      there ||= one.y < height + 20;
      paint(draw, one);
    }
    if (there) requestAnimationFrame(frame);
    else canvas.remove();
  };
  requestAnimationFrame(frame);
}

/** @returns {Piece} */
function piece(width, height, paper) {
  const angle = -Math.PI / 2 + (Math.random() - 0.5) * (paper ? 2.6 : 1.7);
  const speed = (paper ? 520 : 480) + Math.random() * 620;
  const colours = paper ? PAPER : GOLD;
  return {
    x: width / 2 + (Math.random() - 0.5) * 60,
    y: height * 0.42,
    vx: Math.cos(angle) * speed * 0.7,
    vy: Math.sin(angle) * speed,
    turn: Math.random() * 7,
    spin: (Math.random() - 0.5) * 14,
    size: paper ? 5 + Math.random() * 5 : 6 + Math.random() * 5,
    colour: colours[Math.floor(Math.random() * colours.length)],
    paper,
  };
}

/** Moves a piece on by a time. @param {Piece} one @param {number} seconds */
export function move(one, seconds) {
  const slower = Math.exp(-DRAG * seconds);
  one.vx *= slower;
  one.vy = one.vy * slower + (one.paper ? 0.55 : 1) * GRAVITY * seconds;
  one.x += one.vx * seconds;
  one.y += one.vy * seconds;
  one.turn += one.spin * seconds;
}

/** @param {CanvasRenderingContext2D} draw @param {Piece} one */
function paint(draw, { x, y, turn, size, colour, paper }) {
  draw.save();
  draw.translate(x, y);
  draw.scale(1, Math.abs(Math.cos(turn)) * 0.85 + 0.15); // it turns in the air
  draw.fillStyle = colour;
  draw.beginPath();
  if (paper) draw.rect(-size / 2, -size / 2, size, size * 1.5);
  else draw.arc(0, 0, size, 0, 2 * Math.PI);
  draw.fill();
  draw.restore();
}
