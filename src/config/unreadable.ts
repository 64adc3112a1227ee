/** A value that a grammar refused before the schema saw it. */
export class Unreadable {
  readonly expected: string
  constructor(expected: string) {
    this.expected = expected
  }
}
