// Names. The system knows people and groups by id; this is how the page shows some of them.

/** Friendly people to try the page with. */
export const PRESETS = [
  { id: "alice", en: "Alice", zh: "Alice" },
  { id: "bob", en: "Bob", zh: "Bob" },
  { id: "carol", en: "Carol", zh: "Carol" },
  { id: "dave", en: "Dave", zh: "Dave" },
  { id: "xiaoming", en: "小明", zh: "小明" },
  { id: "xiaohong", en: "小红", zh: "小红" },
];

const GROUPS = {
  family: { en: "Family", zh: "相亲相爱一家人" },
  friends: { en: "Friends", zh: "老友记" },
  office: { en: "Office", zh: "办公室" },
};

const TINTS = 8; // classes tint-0 … in style.css
const MAX_ID = 64;

/** Ids of users and groups: 1 to 64 characters of A-Z a-z 0-9 . _ : @ - */
export function validId(id) {
  return id.length <= MAX_ID && /^[A-Za-z0-9._:@-]+$/.test(id);
}

/** The id of a preset typed by its name (小明 → xiaoming), otherwise the text itself, trimmed. */
export function toId(text) {
  const typed = text.trim();
  const preset = PRESETS.find((p) => [p.en, p.zh].some((name) => name.toLowerCase() === typed.toLowerCase()));
  return preset ? preset.id : typed;
}

export function personName(id, lang) {
  return PRESETS.find((p) => p.id === id)?.[lang] ?? id;
}

export function groupName(id, lang) {
  return GROUPS[id]?.[lang] ?? id;
}

/** One letter for an avatar. */
export function initial(name) {
  return (Array.from(name)[0] ?? "?").toUpperCase();
}

/** A stable colour class for an id. */
export function tint(id) {
  let sum = 7;
  for (const c of id) sum = (sum * 105 + c.codePointAt(0)) % 9973;
  return `tint-${sum % TINTS}`;
}
