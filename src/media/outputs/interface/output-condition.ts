import type { OutputStatus } from '../../../contract/status.ts'
import { messageOf } from '../../../lib/error-message.ts'
import type { RunState } from '../../../lib/keep-running.ts'

/** State and errors of an output, as its status shows them. */
export class OutputCondition {
  readonly redact: (text: string) => string
  #state: OutputStatus['state'] = 'starting'
  #errors = 0
  #lastError: string | undefined

  constructor(redact: (text: string) => string = (text) => text) {
    this.redact = redact
  }

  get state(): OutputStatus['state'] {
    return this.#state
  }

  get lastError(): string | undefined {
    return this.#lastError
  }

  /** Follows the state of the run. A loss is an error; after one the state is `waiting` until it runs again. */
  readonly follow = (state: RunState): void => {
    if (state.kind === 'starting' || state.kind === 'stopped') return
    this.#state = state.kind
    if (state.kind !== 'running') this.countError(state.reason)
  }

  readonly countError = (error: unknown): void => {
    this.#errors++
    this.#lastError = this.redact(messageOf(error))
  }

  status(): Pick<OutputStatus, 'state' | 'errors' | 'lastError'> {
    return {
      state: this.#state,
      errors: this.#errors,
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
    }
  }
}
