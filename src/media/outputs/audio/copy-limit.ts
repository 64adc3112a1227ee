/** Window over which the program's own bitrate is measured. */
const WINDOW_SECONDS = 2
/** Accepted ratio of the program's bitrate to the wanted one. */
const TOLERANCE = 1.25

/**
 * Decides whether the program's own frames may still be copied. A bitrate below the wanted one is accepted, as encoding
 * would only lose quality. Far above it, audio is encoded from then on: listeners' connections may not carry more.
 */
export class CopyLimit {
  readonly #bitrate: number
  #bytes = 0
  #seconds = 0
  #verdict: 'within' | 'exceeded' = 'within'

  constructor(bitrate: number) {
    this.#bitrate = bitrate
  }

  addFrame(bytes: number, seconds: number): void {
    this.#bytes += bytes
    this.#seconds += seconds
    if (this.#seconds < WINDOW_SECONDS) return
    if ((this.#bytes * 8) / this.#seconds > this.#bitrate * TOLERANCE) this.#verdict = 'exceeded'
    this.#bytes = 0
    this.#seconds = 0
  }

  get verdict(): 'within' | 'exceeded' {
    return this.#verdict
  }
}
