// The one error that a reader is meant to see.

/** A bad value or a missing file, explained in one sentence: what was given, what is allowed, what to do. */
export class ReaderError extends Error {}
