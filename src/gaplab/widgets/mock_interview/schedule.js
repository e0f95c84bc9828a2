// When a question comes back: the flashcards' own intervals, in days of the reader's calendar.

/** The day of a moment where the reader is, such as "2026-03-01". */
export function dayOf(date) {
  return new Date(date.getTime() - 60_000 * date.getTimezoneOffset()).toISOString().slice(0, 10);
}

/**
 * A question's card after an answer. What was missed is due at once, so in the next sitting; what was known comes back
 * after the first interval, and then after ever longer ones. An answer before its day changes nothing if it was good.
 */
export function reviewed(card, good, today, { first, factor }) {
  if (!good) return { days: 0, due: today };
  if (card && card.due > today) return card;
  const days = card?.days ? Math.round(card.days * factor) : first;
  const due = new Date(`${today}T12:00:00Z`);
  due.setUTCDate(due.getUTCDate() + days);
  return { days, due: due.toISOString().slice(0, 10) };
}

/** Ids of what is due on a day. */
export function dueOn(cards, today) {
  return new Set(Object.keys(cards).filter((id) => cards[id].due <= today));
}
