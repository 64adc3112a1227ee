/** Where holders of a shared good are counted. */
export interface Account<Kind extends string> {
  /** Counts what `amount` returns, until the returned function is called (idempotent). */
  addHolder(kind: Kind, amount: () => number): () => void
}
