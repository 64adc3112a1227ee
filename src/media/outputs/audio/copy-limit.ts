/** Over this long the program's own bitrate is measured. */
const WINDOW_SECONDS = 2
/** More than this times what was asked for is not "a little more". */
const TOLERANCE = 1.25

/**
 * Whether the program's own frames may still be sent as they are. Less than the bitrate asked for is good: coding it anew
 * would only lose. Much more is not, as listeners' lines were thought of: then it is coded, and stays so.
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
