/** Life of one supervised process, across its restarts. `attempt` counts starts since it last ran well. */
export type ProcessState =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'starting'; readonly attempt: number }
  | { readonly kind: 'running'; readonly attempt: number; readonly pid: number }
  | { readonly kind: 'stopping'; readonly then: 'stopped' | 'starting' }
  | { readonly kind: 'waiting'; readonly attempt: number; readonly reason: string }

export type ProcessEvent =
  | { readonly kind: 'start' }
  | { readonly kind: 'spawned'; readonly pid: number }
  /** It ran well for long enough: the next failure is a first one again. */
  | { readonly kind: 'settled' }
  | { readonly kind: 'exited'; readonly reason: string }
  /** The pause after a failure is over. */
  | { readonly kind: 'retry' }
  /** End the process and start it anew at once: its settings changed. */
  | { readonly kind: 'restart' }
  | { readonly kind: 'stop' }

export const STOPPED: ProcessState = { kind: 'stopped' }

const FIRST_ATTEMPT = 1

/** Every legal move. An event that does not fit the state leaves it as it is (the same object). */
export const next = (state: ProcessState, event: ProcessEvent): ProcessState => {
  switch (event.kind) {
    case 'start':
      return onStart(state)
    case 'spawned':
      return state.kind === 'starting'
        ? { kind: 'running', attempt: state.attempt, pid: event.pid }
        : state
    case 'settled':
      return state.kind === 'running' ? { ...state, attempt: FIRST_ATTEMPT } : state
    case 'exited':
      return onExited(state, event.reason)
    case 'retry':
      return state.kind === 'waiting' ? { kind: 'starting', attempt: state.attempt + 1 } : state
    case 'restart':
      return onRestart(state)
    case 'stop':
      return onStop(state)
  }
}

const onStart = (state: ProcessState): ProcessState => {
  if (state.kind === 'stopped') return { kind: 'starting', attempt: FIRST_ATTEMPT }
  if (state.kind === 'stopping') return { kind: 'stopping', then: 'starting' }
  return state
}

const onExited = (state: ProcessState, reason: string): ProcessState => {
  switch (state.kind) {
    case 'starting':
    case 'running':
      return { kind: 'waiting', attempt: state.attempt, reason }
    case 'stopping':
      return state.then === 'stopped' ? STOPPED : { kind: 'starting', attempt: FIRST_ATTEMPT }
    case 'stopped':
    case 'waiting':
      return state
  }
}

const onRestart = (state: ProcessState): ProcessState => {
  if (state.kind === 'waiting') return { kind: 'starting', attempt: FIRST_ATTEMPT }
  if (state.kind === 'running' || state.kind === 'starting') {
    return { kind: 'stopping', then: 'starting' }
  }
  return state
}

const onStop = (state: ProcessState): ProcessState => {
  switch (state.kind) {
    case 'starting':
    case 'running':
    case 'stopping':
      return { kind: 'stopping', then: 'stopped' }
    case 'waiting':
    case 'stopped':
      return STOPPED
  }
}
