// What this browser remembers of collections: which reminders it has shown. The live feed brings them again.

const MOST_REMINDERS = 50;

/** Whether somebody was reminded of a collection here before; from now on they were. */
export function reminded(me, collection) {
  const where = `hongbao.reminded.${me}`;
  try {
    const ids = JSON.parse(localStorage.getItem(where) ?? "[]");
    if (ids.includes(collection)) return true;
    localStorage.setItem(where, JSON.stringify([...ids, collection].slice(-MOST_REMINDERS)));
  } catch {
    // Then a reminder may be shown again after a reload.
  }
  return false;
}
