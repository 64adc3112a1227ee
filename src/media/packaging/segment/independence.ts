import type { AccessUnit } from '../../../mpegts/access-unit.ts'

/**
 * Judges whether a segment can be decoded without the one before it (RFC 8216bis, 4.4.2.1): it starts with a random
 * access point, and no picture of its first group refers to one before that.
 */
export class Independence {
  #group: 'to_come' | 'first' | 'later' = 'to_come'
  #whole: 'yes' | 'no' = 'no'

  begin(): void {
    this.#group = 'to_come'
    this.#whole = 'no'
  }

  addPicture({ rap, leading }: AccessUnit): void {
    if (this.#group === 'to_come') {
      this.#whole = rap === 'none' ? 'no' : 'yes'
      this.#group = 'first'
    } else if (rap !== 'none') this.#group = 'later'
    else if (leading && this.#group === 'first') this.#whole = 'no'
  }

  get isIndependent(): boolean {
    return this.#whole === 'yes'
  }
}
